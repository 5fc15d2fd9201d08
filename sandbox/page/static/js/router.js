// The address bar: #/channels, #/channel/ops, #/channel/ops/thread/<ts>, #/channel/ops/message/<ts>,
// #/home, #/railway, #/journal. The last two are screens on a phone and tabs of the panel elsewhere.

const SCREENS = new Set(["channels", "home", "railway", "journal"]);

export function parse(hash) {
  const [first, name, kind, ts] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (SCREENS.has(first)) return { screen: first, channel: null, thread: null, message: null };
  return {
    screen: "channel",
    channel: first === "channel" && name ? name : null,
    thread: kind === "thread" && ts ? ts : null,
    message: kind === "message" && ts ? ts : null,
  };
}

export function go(hash) {
  if (location.hash === hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
}
