// The thread pane: a root message, its replies, and a box of its own.

import { h } from "./vdom.js";
import { composer } from "./composer.js";
import { echoesOf, merged } from "./echo.js";
import { feed } from "./feed.js";
import { icon } from "./icons.js";
import { channelPath, channelTitle } from "./people.js";
import { threadKey } from "./refresh.js";
import { state } from "./store.js";

export function threadPane(room, ts) {
  const messages = state.threads.get(threadKey(room.id, ts));
  const key = `thread/${room.id}/${ts}`;
  const title = channelTitle(room);
  return h(
    "aside",
    { class: "side thread", key: "thread", "aria-label": "Thread" },
    h(
      "header",
      { class: "pane-head" },
      h("a", { class: "icon-button only-phone", href: `#/channel/${encodeURIComponent(channelPath(room))}`, "aria-label": "Back to the channel" }, icon("back")),
      h("div", { class: "pane-titles" }, h("h2", { class: "pane-title" }, "Thread"), h("p", { class: "muted pane-note" }, room.is_im ? title : `#${title}`)),
      h("a", { class: "icon-button not-phone", href: `#/channel/${encodeURIComponent(channelPath(room))}`, "aria-label": "Close the thread", title: "Close" }, icon("close")),
    ),
    messages
      ? messages.length
        ? feed({ key: `${state.viewer}/${key}`, pane: "thread", channelId: room.id, items: merged(messages, echoesOf(room.id, ts)), label: "Replies" })
        : h("p", { class: "empty", key: "none" }, "This message is gone.")
      : h("div", { class: "feed is-loading", key: "loading" }, h("span", { class: "spinner" }), "Loading replies…"),
    composer({ key, id: "thread-composer", channelId: room.id, threadTs: ts, placeholder: "Reply…" }),
  );
}
