// The rich_text block: sections, lists, quotes, preformatted text and everything that stands in them.

import { h } from "./vdom.js";
import { emojiNode } from "./emoji.js";
import { codeSpan, preformatted } from "./copy.js";
import { link } from "./links.js";
import { broadcast, channelLink, groupMention, mention, moment } from "./mentions.js";

export function richText(block) {
  return h("div", { class: "rich-text" }, (block?.elements ?? []).map(part));
}

function part(element) {
  const border = element.border ? "has-border" : "";
  switch (element.type) {
    case "rich_text_section":
      return h("div", { class: "rich-section" }, inlines(element.elements));
    case "rich_text_list": {
      const ordered = element.style === "ordered";
      return h(
        ordered ? "ol" : "ul",
        {
          class: `rich-list level-${(element.indent ?? 0) % 3} ${border}`,
          start: ordered ? (element.offset ?? 0) + 1 : null,
          style: { "margin-left": `${(element.indent ?? 0) * 1.5}em` },
        },
        (element.elements ?? []).map((item) =>
          h("li", {}, item.type === "rich_text_section" ? inlines(item.elements) : part(item)),
        ),
      );
    }
    case "rich_text_quote":
      return h("blockquote", { class: border }, inlines(element.elements));
    case "rich_text_preformatted":
      return preformatted(words(element.elements).replace(/^\n/, ""), inlines(element.elements, true));
    default:
      return h("div", {}, inlines([element]));
  }
}

const words = (elements) => (elements ?? []).map((one) => one.text ?? one.url ?? "").join("");

function inlines(elements, code = false) {
  return (elements ?? []).flatMap((element, i) => {
    const node = leaf(element, code, i);
    return code ? node : styled(element.style, node);
  });
}

function styled(style, node) {
  let out = node;
  if (style?.strike) out = h("s", {}, out);
  if (style?.italic) out = h("em", {}, out);
  if (style?.bold) out = h("strong", {}, out);
  if (style?.underline) out = h("u", {}, out);
  if (style?.highlight || style?.client_highlight) out = h("mark", {}, out);
  return out;
}

function leaf(element, code, i) {
  switch (element.type) {
    case "text":
      if (element.style?.code && !code) return codeSpan(element.text);
      return withBreaks(code && i === 0 ? element.text.replace(/^\n/, "") : element.text, code);
    case "link": {
      const label = element.text || element.url;
      return link(
        element.url,
        element.style?.code && !code ? [h("code", { class: "code-span" }, label)] : [label],
      );
    }
    case "emoji":
      return (
        emojiNode(element.name) ?? (element.unicode ? fromUnicode(element.unicode) : `:${element.name}:`)
      );
    case "user":
      return mention(element.user_id);
    case "usergroup":
      return groupMention(element.usergroup_id);
    case "team":
      return h("span", { class: "mention" }, `@${element.team_id}`);
    case "channel":
      return channelLink(element.channel_id);
    case "broadcast":
      return broadcast(element.range);
    case "color":
      return h(
        "span",
        { class: "color-value" },
        h("span", { class: "color-swatch", style: { "background-color": element.value } }),
        element.value,
      );
    case "date":
      return moment(
        String(element.timestamp),
        element.format ?? "{date}",
        element.url,
        element.fallback ?? "",
      );
    default:
      return element.text ?? element.fallback ?? "";
  }
}

const fromUnicode = (codes) =>
  String.fromCodePoint(...codes.split("-").map((one) => Number.parseInt(one, 16)));

function withBreaks(text, code) {
  if (code || !text.includes("\n")) return [text];
  return text.split("\n").flatMap((line, i) => (i ? [h("br"), line] : [line]));
}
