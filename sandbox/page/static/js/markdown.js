// Standard Markdown (the `markdown` block) as document nodes: the part of it that Slack renders.

import { h } from "./vdom.js";
import { emojiNode } from "./emoji.js";
import { codeSpan, preformatted } from "./copy.js";
import { link } from "./links.js";
import { inline as slackInline } from "./mrkdwn.js";

export function markdown(text) {
  return blocks(
    String(text ?? "")
      .replace(/\r\n?/g, "\n")
      .split("\n"),
  );
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const LIST = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function blocks(lines) {
  const out = [];
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) out.push(h("p", {}, withBreaks(paragraph)));
    paragraph = [];
  };
  for (let i = 0; i < lines.length;) {
    const line = lines[i];
    const fence = FENCE.exec(line);
    if (fence) {
      flush();
      const end = lines.findIndex(
        (one, n) => n > i && one.trim().startsWith(fence[1]) && !one.trim().replaceAll(fence[1][0], ""),
      );
      const stop = end < 0 ? lines.length : end;
      out.push(preformatted(lines.slice(i + 1, stop).join("\n")));
      i = stop + 1;
    } else if (HEADING.test(line)) {
      flush();
      const [, marks, words] = HEADING.exec(line);
      out.push(h(`h${Math.min(marks.length + 2, 6)}`, { class: `md-h${marks.length}` }, inline(words)));
      i += 1;
    } else if (RULE.test(line)) {
      flush();
      out.push(h("hr"));
      i += 1;
    } else if (QUOTE.test(line)) {
      flush();
      const start = i;
      while (i < lines.length && QUOTE.test(lines[i])) i += 1;
      out.push(h("blockquote", {}, blocks(lines.slice(start, i).map((one) => one.replace(QUOTE, "")))));
    } else if (
      line.includes("|") &&
      TABLE_RULE.test(lines[i + 1] ?? "") &&
      (lines[i + 1] ?? "").includes("-")
    ) {
      flush();
      const start = i;
      i += 2;
      while (i < lines.length && lines[i].includes("|") && lines[i].trim()) i += 1;
      out.push(table(lines.slice(start, i)));
    } else if (LIST.test(line)) {
      flush();
      const start = i;
      while (i < lines.length && (LIST.test(lines[i]) || /^\s+\S/.test(lines[i]))) i += 1;
      out.push(...list(lines.slice(start, i)));
    } else if (!line.trim()) {
      flush();
      i += 1;
    } else {
      paragraph.push(line);
      i += 1;
    }
  }
  flush();
  return out;
}

function list(lines) {
  const out = [];
  const indent = LIST.exec(lines[0])[1].length;
  let items = null;
  let current = null;
  let ordered = null;
  const close = () => {
    if (!items) return;
    const children = items.map(({ head, rest, task }) =>
      h(
        "li",
        { class: task === null ? null : "task" },
        task === null ? null : h("input", { type: "checkbox", disabled: true, prop: { checked: task } }),
        inline(head),
        rest.length ? blocks(outdent(rest)) : null,
      ),
    );
    out.push(h(ordered === null ? "ul" : "ol", { start: ordered }, children));
    items = null;
  };
  for (const line of lines) {
    const match = LIST.exec(line);
    if (match && match[1].length <= indent + 1) {
      const number = /\d/.test(match[2]) ? Number.parseInt(match[2], 10) : null;
      if (items && (number === null) !== (ordered === null)) close();
      if (!items) {
        items = [];
        ordered = number;
      }
      const task = /^\[([ xX])\]\s+(.*)$/.exec(match[3]);
      current = { head: task ? task[2] : match[3], rest: [], task: task ? task[1] !== " " : null };
      items.push(current);
    } else current.rest.push(line);
  }
  close();
  return out;
}

function outdent(lines) {
  const depth = Math.min(...lines.filter((line) => line.trim()).map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(depth));
}

function table(lines) {
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replace(/\\\|/g, "|"));
  const align = cells(lines[1]).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left",
  );
  const row = (line, tag) =>
    h(
      "tr",
      {},
      cells(line).map((cell, i) => h(tag, { class: `is-${align[i] ?? "left"}` }, inline(cell))),
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: "0" },
    h(
      "table",
      { class: "table" },
      h("thead", {}, row(lines[0], "th")),
      h(
        "tbody",
        {},
        lines.slice(2).map((line) => row(line, "td")),
      ),
    ),
  );
}

const withBreaks = (lines) =>
  lines.flatMap((line, i) => (i ? [h("br"), ...inline(line.trim())] : inline(line.trim())));

const TOKEN =
  /\\([\\`*_{}[\]()#+\-.!|~>])|(`+)(.+?)\2(?!`)|!\[([^\]]*)\]\(([^)\s]+)[^)]*\)|\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)[^)]*\)|<(https?:\/\/[^>\s]+|[@#!][^>]+)>|(\*\*\*|___|\*\*|__|~~|\*|_)|:([a-z0-9_+'-]+):|(\bhttps?:\/\/[^\s<>|]+)/gi;
const STYLES = {
  "***": (c) => h("strong", {}, h("em", {}, c)),
  "**": (c) => h("strong", {}, c),
  "*": (c) => h("em", {}, c),
  "~~": (c) => h("s", {}, c),
};

function inline(text) {
  const out = [];
  let plain = "";
  let at = 0;
  const put = (node) => {
    if (plain) out.push(plain);
    plain = "";
    out.push(node);
  };
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [whole, escaped, , code, alt, image, label, target, angle, mark, emoji, url] = match;
    plain += text.slice(at, match.index);
    at = match.index + whole.length;
    if (escaped !== undefined) plain += escaped;
    else if (code !== undefined) put(codeSpan(code.trim() || code));
    else if (image !== undefined) put(link(image, [alt || image]));
    else if (target !== undefined) put(link(target, inline(label)));
    else if (angle !== undefined) put(slackInline(whole));
    else if (mark !== undefined) {
      const end = closing(text, match.index, mark);
      if (end < 0) plain += mark;
      else {
        put(STYLES[mark.replaceAll("_", "*")](inline(text.slice(match.index + mark.length, end))));
        at = end + mark.length;
      }
    } else if (emoji !== undefined) {
      const node = emojiNode(emoji);
      if (node) put(node);
      else plain += whole;
    } else {
      const tidy = url.replace(/[.,;:!?)\]'"*_~]+$/, "");
      put(link(tidy, [tidy]));
      at = match.index + tidy.length;
    }
    TOKEN.lastIndex = at;
  }
  plain += text.slice(at);
  if (plain) out.push(plain);
  return out;
}

const WORD = /[\p{L}\p{N}]/u;

function closing(text, start, mark) {
  const after = text[start + mark.length];
  if (!after || /\s/.test(after)) return -1;
  if (mark[0] === "_" && WORD.test(text[start - 1] ?? " ")) return -1;
  for (let i = text.indexOf(mark, start + mark.length + 1); i >= 0; i = text.indexOf(mark, i + 1)) {
    const next = text[i + mark.length] ?? " ";
    if (/\s/.test(text[i - 1]) || text[i - 1] === "\\") continue;
    if (mark.length === 1 && (next === mark || text[i - 1] === mark)) continue;
    if (mark[0] === "_" && WORD.test(next)) continue;
    return i;
  }
  return -1;
}
