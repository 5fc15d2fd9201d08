// The thread pane: a root message, its replies, and a box of its own.

import { h } from "./vdom.js";
import { composer } from "./composer.js";
import { iconLink } from "./controls.js";
import { echoesOf, merged } from "./echo.js";
import { feed } from "./feed.js";
import { loading, paneHead } from "./panes.js";
import { channelTitle } from "./people.js";
import { threadKey } from "./refresh.js";
import { channelHash } from "./router.js";
import { state } from "./store.js";

export function threadPane(room, ts) {
  const key = `thread/${room.id}/${ts}`;
  const title = channelTitle(room);
  return h(
    "aside",
    { class: "side thread", key: "thread", "aria-label": "Thread" },
    paneHead({
      back: ["Back to the channel", channelHash(room)],
      level: "h2",
      title: "Thread",
      note: room.is_im ? title : `#${title}`,
      tools: iconLink("close", "Close the thread", channelHash(room), { class: "not-phone" }),
    }),
    replies(room, ts, key),
    composer({ key, id: "thread-composer", channelId: room.id, threadTs: ts, placeholder: "Reply…" }),
  );
}

function replies(room, ts, key) {
  const messages = state.threads.get(threadKey(room.id, ts));
  if (!messages) return loading("Loading replies…");
  if (!messages.length) return h("p", { class: "empty", key: "none" }, "This message is gone.");
  return feed({
    key: `${state.viewer}/${key}`,
    pane: "thread",
    channelId: room.id,
    items: merged(messages, echoesOf(room.id, ts)),
    label: "Replies",
  });
}
