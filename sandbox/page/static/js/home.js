// The bot's App Home as the viewer sees it.

import * as api from "./api.js";
import { h, memo } from "./vdom.js";
import { blocks } from "./blocks.js";
import { paneHead, TO_LIST } from "./panes.js";
import { avatar, directs, isBot, partner } from "./people.js";
import { channelHash } from "./router.js";
import { state } from "./store.js";
import { surfaceAt, versionOf } from "./surfaces.js";
import { complain } from "./toast.js";

const cache = new Map();

/** The app hears of each opening. */
export const openHome = () => api.openHome(state.viewer).catch(complain);

export function home() {
  const { bot } = state.workspace;
  const talk = directs().find((one) => isBot(partner(one)));
  return h(
    "main",
    { class: "main", key: "home", id: "main", "aria-label": "App Home" },
    paneHead({
      back: TO_LIST,
      picture: avatar(bot.id),
      title: bot.name,
      note: "App Home",
      tools: talk && h("a", { class: "button", href: channelHash(talk) }, "Messages"),
    }),
    h("div", { class: "home" }, content(state.views.home)),
  );
}

function content(view) {
  if (!view) return h("p", { class: "empty" }, "The app has published nothing here yet.");
  const key = `home/${view.id}`;
  return memo(cache, "home", [view, versionOf(key), state.viewer, state.workspace], () => {
    const place = { kind: "home", view_id: view.id, blocks: view.blocks, chosen: view.state?.values };
    return h("div", { class: "home-blocks" }, blocks(surfaceAt(key, place), view.blocks));
  });
}
