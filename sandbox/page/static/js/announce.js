// Tells screen readers what arrived. Edits of a message (a run's progress) are not read aloud.

import { asWords } from "./mrkdwn.js";
import { displayName, viewerId } from "./people.js";

const LONGEST = 240;

export function announce(before, after) {
  const known = new Set(before.map((one) => one.ts));
  const fresh = after.filter((one) => !known.has(one.ts) && one.user !== viewerId());
  const region = document.getElementById("announcer");
  for (const one of fresh.slice(-3)) {
    const line = document.createElement("p");
    const words = asWords(one.text).slice(0, LONGEST);
    line.textContent = `${one.ephemeral ? "Only visible to you. " : ""}${one.username || displayName(one.user)}: ${words || "a message"}`;
    region.append(line);
  }
  while (region.childElementCount > 6) region.firstChild.remove();
}
