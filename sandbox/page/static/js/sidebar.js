// The list on the left: App Home, channels, direct messages, and at its foot whose eyes we see with.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { avatar, channelTitle, channels, directs, isApp, partner, persons } from "./people.js";
import { shownChannel } from "./refresh.js";
import { channelHash } from "./router.js";
import { state } from "./store.js";
import { unreadIn } from "./unread.js";
import { switchTo } from "./viewer.js";

export function sidebar() {
  const { workspace, route } = state;
  const here = route.screen === "home" ? null : shownChannel();
  return h(
    "nav",
    { class: "sidebar", key: "sidebar", "aria-label": "Channels" },
    h(
      "div",
      { class: "sidebar-list" },
      h(
        "a",
        {
          class: `sidebar-item ${route.screen === "home" ? "is-current" : ""}`,
          href: "#/home",
          "aria-current": route.screen === "home" ? "page" : null,
        },
        icon("home"),
        h("span", { class: "sidebar-name" }, "App Home"),
      ),
      h("h2", { class: "sidebar-title" }, "Channels"),
      h(
        "ul",
        {},
        channels().map((one) => entry(one, here, icon("hash"))),
      ),
      directs().length ? h("h2", { class: "sidebar-title" }, "Direct messages") : null,
      h(
        "ul",
        {},
        directs().map((one) => entry(one, here, avatar(partner(one), null, "is-small"))),
      ),
    ),
    h(
      "div",
      { class: "viewer", role: "radiogroup", "aria-labelledby": "viewer-title" },
      h("h2", { class: "sidebar-title", id: "viewer-title" }, "You are"),
      persons().map((one) => {
        const on = one.name === state.viewer;
        return h(
          "button",
          {
            key: one.id,
            type: "button",
            role: "radio",
            "aria-checked": String(on),
            class: `viewer-item ${on ? "is-current" : ""}`,
            tabindex: on ? "0" : "-1",
            on: { click: () => switchTo(one.name), keydown: (event) => arrows(event) },
          },
          avatar(one.id, null, "is-small"),
          h(
            "span",
            { class: "viewer-words" },
            h("span", { class: "viewer-name" }, one.name),
            h("span", { class: "muted viewer-note" }, one.title || one.real_name),
          ),
        );
      }),
    ),
    h(
      "p",
      { class: "sidebar-foot muted" },
      `${workspace.team.name} · a local stand-in, nothing leaves this machine`,
    ),
  );
}

function arrows(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const names = persons().map((one) => one.name);
  switchTo(names[(names.indexOf(state.viewer) + step + names.length) % names.length]);
  queueMicrotask(() => document.querySelector(".viewer-item[aria-checked=true]")?.focus());
}

function entry(one, here, glyph) {
  const current = here?.id === one.id;
  const unread = current && !document.hidden ? 0 : unreadIn(one);
  const title = channelTitle(one);
  return h(
    "li",
    { key: one.id },
    h(
      "a",
      {
        class: `sidebar-item ${current ? "is-current" : ""} ${unread ? "is-unread" : ""}`,
        href: channelHash(one),
        "aria-current": current ? "page" : null,
        "aria-label": `${one.is_im ? "" : "#"}${title}${unread ? `, ${unread} unread` : ""}`,
      },
      glyph,
      h("span", { class: "sidebar-name" }, title),
      one.is_im && isApp(partner(one)) ? h("span", { class: "badge" }, "App") : null,
      unread ? h("span", { class: "unread", "aria-hidden": "true" }, unread > 99 ? "99+" : unread) : null,
    ),
  );
}
