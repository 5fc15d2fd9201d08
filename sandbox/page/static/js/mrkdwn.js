// Slack's mrkdwn as document nodes. Every piece of text ends in a text node, never in markup.

import { h } from "./vdom.js";
import { codeSpan, preformatted } from "./copy.js";
import { slackDate } from "./dates.js";
import { emojiNode } from "./emoji.js";
import { decode, link } from "./links.js";
import { channelLink, mention, special } from "./mentions.js";
import { channel, mentionName } from "./people.js";

/** A whole mrkdwn text: paragraphs, quotes, lists and code blocks. */
export function mrkdwn(text) {
  const out = [];
  const parts = String(text ?? "").split("```");
  parts.forEach((part, i) => {
    const fenced = i % 2 === 1 && i < parts.length - 1;
    if (fenced) out.push(preformatted(asTyped(part.replace(/^\n/, "").replace(/\n$/, ""))));
    else if (i % 2 === 1) out.push(...lines("```" + part));
    else out.push(...lines(trimAround(part, i > 0, i < parts.length - 1)));
  });
  return out;
}

/** Code is shown letter by letter: links in it as their words, entities as what they stand for. */
const asTyped = (code) => decode(code.replace(/<([^|>]+)(?:\|([^>]*))?>/g, (_, url, label) => label ?? url));

const trimAround = (text, afterCode, beforeCode) => {
  let trimmed = text;
  if (afterCode) trimmed = trimmed.replace(/^\n/, "");
  if (beforeCode) trimmed = trimmed.replace(/\n$/, "");
  return trimmed;
};

const QUOTE = /^(?:&gt;|>) ?(?!(?:&gt;|>){2})/;
const QUOTE_REST = /^(?:&gt;|>){3} ?/;
const ITEM = /^(\s*)([•◦▪‣⁃–-]|\d{1,3}[.)])\s+(?=\S)/;

function lines(text) {
  if (text === "") return [];
  const out = [];
  const all = text.split("\n");
  let plain = [];
  const flush = () => {
    if (plain.length) out.push(h("span", { class: "paragraph" }, joined(plain)));
    plain = [];
  };
  for (let i = 0; i < all.length; i += 1) {
    const line = all[i];
    if (QUOTE_REST.test(line)) {
      flush();
      const rest = [line.replace(QUOTE_REST, ""), ...all.slice(i + 1)];
      out.push(h("blockquote", {}, lines(rest.join("\n"))));
      break;
    } else if (QUOTE.test(line)) {
      flush();
      const quoted = [];
      while (i < all.length && QUOTE.test(all[i])) quoted.push(all[i++].replace(QUOTE, ""));
      i -= 1;
      out.push(h("blockquote", {}, lines(quoted.join("\n"))));
    } else if (ITEM.test(line)) {
      flush();
      const [whole, indent, marker] = ITEM.exec(line);
      out.push(
        h(
          "span",
          { class: "bullet", style: { "margin-left": `${Math.min(indent.length, 12) * 0.5}em` } },
          h("span", { class: "bullet-mark" }, marker),
          h("span", {}, inline(line.slice(whole.length))),
        ),
      );
    } else {
      plain.push(line);
    }
  }
  flush();
  return out;
}

const joined = (texts) => texts.flatMap((line, i) => (i ? [h("br"), ...inline(line)] : inline(line)));

const STYLES = { "*": "strong", _: "em", "~": "s" };
const TOKEN =
  /<([^<>]+)>|`([^`\n]+)`|:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):|([*_~])|(\bhttps?:\/\/[^\s<>|]+)/gi;

/** One line's worth of mrkdwn: marks, tokens in angle brackets, emoji, bare links. */
export function inline(text) {
  const out = [];
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain) out.push(decode(plain));
    plain = "";
  };
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [whole, angle, code, emoji, mark, url] = match;
    const start = match.index;
    plain += text.slice(at, start);
    at = start + whole.length;
    if (angle !== undefined) {
      flush();
      out.push(token(angle));
    } else if (code !== undefined) {
      flush();
      out.push(codeSpan(asTyped(code)));
    } else if (emoji !== undefined) {
      const node = emojiNode(emoji);
      if (node) {
        flush();
        out.push(node);
      } else plain += whole;
    } else if (mark !== undefined) {
      const end = closing(text, start, mark);
      if (end < 0) plain += mark;
      else {
        flush();
        out.push(h(STYLES[mark], {}, inline(text.slice(start + 1, end))));
        at = end + 1;
      }
    } else {
      const tidy = url.replace(/(?:&gt;|[.,;:!?)\]'"*_~])+$/, "");
      flush();
      out.push(link(decode(tidy), decode(tidy)));
      at = start + tidy.length;
    }
    TOKEN.lastIndex = at;
  }
  plain += text.slice(at);
  flush();
  return out;
}

const WORD = /[\p{L}\p{N}]/u;

/** Where the pair of a mark that opens at `start` closes, or -1: marks hug words and stand between words. */
function closing(text, start, mark) {
  const before = text[start - 1];
  const after = text[start + 1];
  if ((before && WORD.test(before)) || before === mark || !after || /\s/.test(after) || after === mark)
    return -1;
  let code = false;
  let angle = false;
  for (let i = start + 1; i < text.length; i += 1) {
    const letter = text[i];
    if (letter === "`" && !angle) code = !code;
    else if (letter === "<" && !code) angle = true;
    else if (letter === ">" && !code) angle = false;
    else if (letter === mark && !code && !angle && !/\s/.test(text[i - 1])) {
      const next = text[i + 1];
      if (!next || (!WORD.test(next) && next !== mark)) return i;
    }
  }
  return -1;
}

function token(body) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? null : body.slice(bar + 1);
  const rest = target.slice(1);
  if (target.startsWith("@")) return mention(rest, label);
  if (target.startsWith("#")) return channelLink(rest, label);
  if (target.startsWith("!")) return special(rest, label);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(target)) return h("span", {}, decode(`<${body}>`)); // no address at all
  const words = label === null ? [decode(target.replace(/^mailto:/, ""))] : inlineLabel(label);
  return link(decode(target), words);
}

/** A link's label: its text and emoji, no further links. */
const inlineLabel = (label) =>
  inline(label.replace(/<|>/g, "")).map((node) => (node.tag === "a" ? node.children : node));

/** A text object: `mrkdwn` or `plain_text` (emoji shortcodes only). */
export function textObject(object) {
  if (!object) return [];
  if (typeof object === "string") return plainText(object);
  return object.type === "mrkdwn" ? mrkdwn(object.text) : plainText(object.text, object.emoji !== false);
}

export function plainText(text, emoji = true) {
  const out = [];
  String(text ?? "")
    .split("\n")
    .forEach((line, i) => {
      if (i) out.push(h("br"));
      let at = 0;
      if (emoji) {
        for (const match of line.matchAll(/:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/gi)) {
          const node = emojiNode(match[1]);
          if (!node) continue;
          out.push(line.slice(at, match.index), node);
          at = match.index + match[0].length;
        }
      }
      out.push(line.slice(at));
    });
  return out;
}

/** The same text as a short plain string: for announcements, titles and previews. */
export function asWords(text) {
  return decode(
    String(text ?? "")
      .replace(
        /<!date\^(\d+)\^([^|>^]*)(?:\^[^|>]*)?\|?([^>]*)>/g,
        (_, seconds, format, fallback) => slackDate(seconds, format) ?? fallback,
      )
      .replace(/<@([^|>]+)(?:\|[^>]*)?>/g, (_, id) => `@${mentionName(id)}`)
      .replace(/<#([^|>]+)(?:\|([^>]*))?>/g, (_, id, label) => `#${channel(id)?.name ?? label ?? id}`)
      .replace(/<([^|>]+)\|([^>]*)>/g, "$2")
      .replace(/<([^>]+)>/g, "$1")
      .replace(/[*~`]+/g, ""),
  )
    .replace(/\s+/g, " ")
    .trim();
}
