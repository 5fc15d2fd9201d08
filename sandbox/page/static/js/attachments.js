// Secondary attachments: blocks or the older fields, beside a coloured bar.

import { h } from "./vdom.js";
import { blocks } from "./blocks.js";
import { clock, day } from "./dates.js";
import { link } from "./links.js";
import { mrkdwn, plainText } from "./mrkdwn.js";
import { picture } from "./picture.js";

const NAMED = { good: "#2f8f5b", warning: "#c98a1b", danger: "#c0392b" };

export function attachment(surface, one, i) {
  const color =
    NAMED[one.color] ??
    (/^#?[0-9a-f]{3,8}$/i.test(one.color ?? "") ? `#${one.color.replace("#", "")}` : null);
  const formatted = (field) => !one.mrkdwn_in || one.mrkdwn_in.includes(field);
  const words = (field) =>
    one[field]
      ? h("div", { class: "text" }, formatted(field) ? mrkdwn(one[field]) : plainText(one[field]))
      : null;
  return h(
    "div",
    { key: `attachment-${one.id ?? i}` },
    words("pretext"),
    h(
      "div",
      { class: "attachment", style: color ? { "border-left-color": color } : {} },
      one.blocks ? blocks(surface, one.blocks) : null,
      one.author_name ? h("div", { class: "muted" }, one.author_name) : null,
      one.title
        ? h(
            "div",
            { class: "card-title" },
            one.title_link ? link(one.title_link, plainText(one.title)) : plainText(one.title),
          )
        : null,
      words("text"),
      one.fields?.length
        ? h(
            "div",
            { class: "fields" },
            one.fields.map((field) =>
              h(
                "div",
                { class: "field text" },
                field.title ? h("strong", {}, field.title) : null,
                h("div", {}, mrkdwn(field.value)),
              ),
            ),
          )
        : null,
      one.image_url ? picture({ image_url: one.image_url, alt_text: one.title ?? one.fallback }) : null,
      one.footer || one.ts
        ? h(
            "div",
            { class: "muted" },
            one.footer ?? "",
            one.ts ? ` ${day(new Date(one.ts * 1000))} ${clock(new Date(one.ts * 1000))}` : "",
          )
        : null,
      !one.blocks && !one.text && !one.title && !one.fields && !one.pretext && one.fallback
        ? h("div", {}, plainText(one.fallback))
        : null,
    ),
  );
}
