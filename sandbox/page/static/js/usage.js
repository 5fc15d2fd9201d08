// How an app's commands are used, read from their usage hint and from what the app itself has written.

import { decode } from "./links.js";

/** `create <name> [--plan] | list [words]` as [{name, rest, flags}]; a part without a leading word has no name. */
export function parseUsage(hint) {
  return splitTop(String(hint ?? "")).flatMap((part) => {
    const flags = part.match(/--[a-z][\w-]*/g) ?? [];
    const group = /^[[({]\s*([a-z][\w-]*(?:\s*\|\s*[a-z][\w-]*)+)\s*[\])}]\s*(.*)$/i.exec(part);
    if (group) return group[1].split("|").map((name) => ({ name: name.trim(), rest: group[2], flags }));
    const [, name, rest] = /^([a-z][\w-]*)\b\s*(.*)$/i.exec(part) ?? [null, null, part];
    return [{ name: name?.toLowerCase() ?? null, rest, flags }];
  });
}

function splitTop(text) {
  const parts = [""];
  let depth = 0;
  for (const letter of text) {
    if ("[<({".includes(letter)) depth += 1;
    if ("]>)}".includes(letter)) depth -= 1;
    if (depth === 0 && (letter === "|" || letter === "\n" || letter === "," || letter === "·"))
      parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

/**
 * The usage hint, and every `/command word <argument> [--flag VALUE]` that the app wrote in a message or in its
 * App Home, e.g. in answer to help. Of two for one word the longer says more.
 */
export function usageOf({ command, usage_hint }, texts) {
  const found = new Map(parseUsage(usage_hint).map((one) => [one.name, one]));
  const line = new RegExp(
    `${command.replace(/\W/g, "\\$&")} ([a-z][\\w-]*)((?: (?:<[^<>\\n]+>|\\[[^[\\]\\n]+\\]))*)(?=$|[\\s\`])`,
    "gm",
  );
  for (const text of texts) {
    for (const [, name, rest] of decode(text).matchAll(line)) {
      const known = found.get(name);
      if (!known || rest.trim().length > known.rest.length) found.set(name, parseUsage(name + rest)[0]);
    }
  }
  return [...found.values()];
}
