// The page's whole state and the one way to say that it changed.

import { recall } from "./storage.js";

export const state = {
  viewer: recall("viewer", "ada"), // whose eyes we see with: a user's name
  workspace: null, // what /control/slack/workspace says
  route: { screen: "channel", channel: null, thread: null },
  messages: new Map(), // channel id → messages as the viewer sees them
  threads: new Map(), // "channel/ts" → root and replies as the viewer sees them
  views: { modal: null, home: null },
  echoes: [], // commands typed here and messages on their way, newest last
  lastChannel: null, // shown behind the screens that are no channel
  link: "connecting", // connecting | live | lost
  railway: null, // what /control/railway/summary says
  journal: { entries: [], open: null, vendor: "all", hinted: 0 },
  panel: { open: recall("panel.open", true), tab: "railway", front: true },
  confirm: null, // the question being asked, if any
  toasts: [],
  firstUnread: new Map(), // channel id → ts of the first message not yet seen when it was opened
};

let render = () => {};
let scheduled = false;

export function onChange(callback) {
  render = callback;
}

/** Ask for one rendering after everything that happens in this turn. */
export function changed() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    render();
  });
}

/** Answers to `fetch` for one thing, one at a time: a wish during a fetch leads to exactly one more. */
export function latest(fetch) {
  let running = null;
  let again = false;
  return function run() {
    if (running) {
      again = true;
      return running;
    }
    running = (async () => {
      try {
        do {
          again = false;
          await fetch();
        } while (again);
      } finally {
        running = null;
      }
    })();
    return running;
  };
}
