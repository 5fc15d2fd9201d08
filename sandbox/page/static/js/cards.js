// Blocks that frame something: alert, card, carousel, container, file, video, auth_provider.

import { h } from "./vdom.js";
import { iconButton } from "./controls.js";
import { element } from "./elements.js";
import { icon } from "./icons.js";
import { link } from "./links.js";
import { textObject } from "./mrkdwn.js";
import { picture } from "./picture.js";
import { richText } from "./rich_text.js";

const ALERT_ICONS = { error: "alert", warning: "alert", success: "check" };

export function alertBlock(block) {
  const level = block.level ?? "default";
  return h(
    "div",
    { class: `alert is-${level}`, role: level === "error" ? "alert" : "note" },
    icon(ALERT_ICONS[level] ?? "info"),
    h("div", { class: "text" }, textObject(block.text)),
  );
}

export function card(surface, block) {
  const glyph = block.slack_icon
    ? h(
        "span",
        { class: "card-icon" },
        icon({ bot: "bolt", file: "file", link: "link" }[block.slack_icon.name] ?? "bolt"),
      )
    : null;
  return h(
    "article",
    { class: "card" },
    block.hero_image ? picture(block.hero_image, "is-hero") : null,
    h(
      "div",
      { class: "card-body" },
      block.icon || glyph || block.title || block.subtitle
        ? h(
            "div",
            { class: "card-head" },
            block.icon ? picture(block.icon, "is-icon") : glyph,
            h(
              "div",
              {},
              block.title ? h("div", { class: "card-title text" }, textObject(block.title)) : null,
              block.subtitle ? h("div", { class: "card-subtitle text" }, textObject(block.subtitle)) : null,
            ),
          )
        : null,
      block.body ? h("div", { class: "text" }, textObject(block.body)) : null,
      block.subtext ? h("div", { class: "card-subtext text" }, textObject(block.subtext)) : null,
      block.actions?.length
        ? h(
            "div",
            { class: "actions" },
            block.actions.map((one) => element(surface, block, one)),
          )
        : null,
    ),
  );
}

export function carousel(surface, block) {
  const step = (event, direction) => {
    const track = event.currentTarget.closest(".carousel").querySelector(".carousel-track");
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    track.scrollBy({ left: direction * track.clientWidth * 0.8, behavior: smooth ? "smooth" : "instant" });
  };
  const several = block.elements.length > 1;
  return h(
    "div",
    { class: "carousel", role: "group", "aria-label": `${block.elements.length} cards` },
    h(
      "ul",
      { class: "carousel-track", tabindex: "0" },
      block.elements.map((one, i) => h("li", { key: one.block_id ?? i }, card(surface, one))),
    ),
    several
      ? h(
          "div",
          { class: "carousel-steps" },
          iconButton("back", "Earlier cards", (event) => step(event, -1), { class: "is-bordered" }),
          iconButton("right", "Later cards", (event) => step(event, 1), { class: "is-bordered" }),
        )
      : null,
  );
}

export function container(surface, block, blocks) {
  const head = [
    block.icon ? picture(block.icon, "is-icon") : null,
    h(
      "div",
      { class: "container-words" },
      h(
        "div",
        { class: "container-title" },
        block.rich_text_title ? richText(block.rich_text_title) : textObject(block.title),
      ),
      block.subtitle ? h("div", { class: "container-subtitle text" }, textObject(block.subtitle)) : null,
    ),
  ];
  const look = `container is-${block.width ?? "standard"} ${block.has_header_divider ? "has-rule" : ""}`;
  const body = h("div", { class: "container-body" }, blocks(surface, block.child_blocks));
  if (!block.is_collapsible)
    return h("section", { class: look }, h("div", { class: "container-head" }, head), body);
  return h(
    "details",
    { class: look, init: { open: !block.default_collapsed } },
    h("summary", { class: "container-head" }, head, icon("down", "twist")),
    body,
  );
}

export function fileBlock(block) {
  const file = block.file ?? {};
  return h(
    "div",
    { class: "file-card" },
    h(
      "div",
      { class: "file-head" },
      icon("file"),
      h("span", { class: "file-name" }, file.title ?? file.name ?? block.external_id),
      h("span", { class: "muted" }, block.source === "remote" ? "Remote file" : ""),
    ),
  );
}

export function video(block) {
  const target = block.title_url ?? block.video_url;
  return h(
    "div",
    { class: "video" },
    h(
      "div",
      { class: "video-words" },
      block.provider_name || block.author_name
        ? h("div", { class: "muted" }, [block.author_name, block.provider_name].filter(Boolean).join(" · "))
        : null,
      h("div", { class: "video-title" }, link(target, textObject(block.title))),
      block.description ? h("div", { class: "text" }, textObject(block.description)) : null,
    ),
    h(
      "a",
      {
        class: "video-frame",
        href: /^https?:/i.test(block.video_url) ? block.video_url : null,
        target: "_blank",
        rel: "noreferrer noopener",
        "aria-label": `Play ${block.title?.text ?? block.alt_text}`,
      },
      picture({ image_url: block.thumbnail_url, alt_text: block.alt_text }),
      h("span", { class: "video-play" }, icon("play")),
    ),
  );
}

export function authProvider(surface, block) {
  const url = block.is_connected ? block.disconnect_url : block.auth_url;
  return h(
    "div",
    { class: "section has-accessory" },
    h(
      "div",
      { class: "section-words" },
      h("div", { class: "card-title" }, block.name),
      block.description ? h("div", {}, block.description) : null,
      h("div", { class: "muted" }, block.is_connected ? "Connected" : "Not connected"),
    ),
    h(
      "div",
      { class: "accessory" },
      url && /^https?:/i.test(url)
        ? h(
            "a",
            { class: "button", href: url, target: "_blank", rel: "noreferrer noopener" },
            block.is_connected ? "Disconnect" : "Connect",
          )
        : null,
      block.accessory ? element(surface, block, block.accessory) : null,
    ),
  );
}
