// What could come next at the cursor: commands, their words and flags, people, channels, emoji.
// A pure function of the text and what is known; the composer shows the answer.

import { findEmoji } from "./emoji.js";
import { usageOf } from "./usage.js";

const MOST = 8;

/**
 * `known` is {commands, people: [{name, detail}], channels: [{name, detail}], projects: [name], written: [text]},
 * `written` being what the app has said.
 * The answer is null or {from, to, items: [{insert, label, detail}], eager}: `eager` when Enter takes the first
 * item although nobody pointed at it.
 */
export function complete(text, caret, known) {
  const before = text.slice(0, caret);
  const start = Math.max(before.lastIndexOf(" "), before.lastIndexOf("\n")) + 1;
  const word = before.slice(start);
  const answer = (items, eager = false) => {
    const shown = items.filter((item) => item.insert.trimEnd() !== word).slice(0, MOST);
    return shown.length ? { from: start, to: caret, items: shown, eager } : null;
  };
  if (start === 0 && word.startsWith("/")) {
    const found = known.commands.filter((one) => one.command.startsWith(word.toLowerCase()));
    return answer(
      found.map((one) => ({
        insert: `${one.command} `,
        label: [one.command, one.usage_hint].filter(Boolean).join(" "),
        detail: one.description,
      })),
      !found.some((one) => one.command === word),
    );
  }
  if (word.startsWith("@")) return answer(named(known.people, word.slice(1), "@"), word.length > 1);
  if (word.startsWith("#")) return answer(named(known.channels, word.slice(1), "#"), word.length > 1);
  if (/^:[a-z0-9_+-]{2,}$/i.test(word))
    return answer(
      findEmoji(word.slice(1).toLowerCase()).map(([name, char]) => ({
        insert: `:${name}: `,
        label: `${char}  :${name}:`,
      })),
      true,
    );
  const command = known.commands.find((one) => text.startsWith(`${one.command} `));
  return command
    ? answer(wordsFor(command, before.slice(command.command.length + 1, start), word, known))
    : null;
}

const named = (list, query, sign) =>
  list
    .filter((one) => one.name.toLowerCase().startsWith(query.toLowerCase()))
    .map((one) => ({ insert: `${sign}${one.name} `, label: `${sign}${one.name}`, detail: one.detail }));

function wordsFor(command, earlier, word, { projects, written }) {
  const usage = usageOf(command, written);
  const typed = earlier.trim() ? earlier.trim().split(/\s+/) : [];
  const begins = (candidate) => candidate.toLowerCase().startsWith(word.toLowerCase());
  if (!typed.length && usage.some((one) => one.name)) {
    return usage
      .filter((one) => one.name && begins(one.name))
      .map((one) => ({ insert: `${one.name} `, label: one.name, detail: one.rest }));
  }
  const chosen = usage.find((one) => one.name === typed[0]?.toLowerCase());
  const flags = [
    ...new Set([...(chosen?.flags ?? []), ...usage.filter((one) => !one.name).flatMap((one) => one.flags)]),
  ];
  const dashes = word.replace(/^[—–]/, "--");
  if (/^-|^[—–]/.test(word)) {
    return flags
      .filter((flag) => flag.startsWith(dashes) && !typed.includes(flag))
      .map((flag) => ({ insert: `${flag} `, label: flag, detail: "" }));
  }
  const asksName =
    /[<[](?:name|instance)\b/i.test(chosen?.rest ?? "") && !/^(?:create|new|add)$/.test(chosen.name);
  const names = typed.length === 1 && asksName ? projectNames(command, projects).filter(begins) : [];
  const open = word === "" && typed.length > 1 ? flags.filter((flag) => !typed.includes(flag)) : [];
  return [
    ...names.map((name) => ({ insert: `${name} `, label: name, detail: "exists on Railway" })),
    ...open.map((flag) => ({ insert: `${flag} `, label: flag, detail: "" })),
  ];
}

/** Railway projects as the command would name them: `luthien-acme` is `acme` to `/luthien`. */
function projectNames(command, projects) {
  const prefix = `${command.command.slice(1)}-`;
  return projects.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}
