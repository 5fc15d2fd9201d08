// Whose eyes we see with, and changing them.

import { openHome } from "./home.js";
import { channels, viewerId } from "./people.js";
import { forgetViewer, refreshEverything, refreshViews, shownChannel } from "./refresh.js";
import { channelHash, go } from "./router.js";
import { remember } from "./storage.js";
import { changed, state } from "./store.js";
import { beginReading } from "./unread.js";

export function switchTo(name) {
  if (name === state.viewer) return;
  state.viewer = name;
  remember("viewer", name);
  forgetViewer();
  state.firstUnread.clear();
  changed();
  refreshEverything().then(beginReading);
  if (state.route.screen === "home") openHome().then(refreshViews);
  const room = shownChannel();
  if (room?.is_im && !room.members?.includes(viewerId())) go(channelHash(channels()[0]));
}
