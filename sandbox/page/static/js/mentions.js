// People, groups, channels and dates as they are named in a text: `<@U…>`, `<#C…|name>`, `<!date^…>`.

import { h } from "./vdom.js";
import { full, slackDate } from "./dates.js";
import { decode, link } from "./links.js";
import { channel, isBot, mentionName, user, viewerId } from "./people.js";
import { channelHash } from "./router.js";
import { state } from "./store.js";

const named = (name, isMe) => h("span", { class: isMe ? "mention is-me" : "mention" }, name);

export function mention(id, label) {
  const known = isBot(id) || user(id);
  const name = known ? mentionName(id) : label?.replace(/^@/, "") || id;
  return named(`@${decode(name)}`, id === viewerId());
}

export function groupMention(id, label = null) {
  const group = state.workspace?.groups?.find((one) => one.id === id);
  return named(group ? `@${group.handle}` : decode(label ?? `@${id}`), group?.members.includes(viewerId()));
}

/** `@here` and its like concern everybody. */
export const broadcast = (range) => named(`@${range}`, true);

export function channelLink(id, label) {
  const known = channel(id);
  const name = `#${known?.name ?? (label ? decode(label) : id)}`;
  return known ? h("a", { class: "mention", href: channelHash(known) }, name) : named(name, false);
}

/** A moment, in the reader's own time; `fallback` where it cannot be read. */
export function moment(seconds, format, url, fallback) {
  const text = slackDate(seconds, format) ?? fallback;
  const when = new Date(Number(seconds) * 1000);
  const title = Number.isNaN(when.getTime()) ? null : full(when);
  const time = h("time", { class: "slack-date", title }, text);
  return url ? link(url, [time]) : time;
}

/** What stands between `<!` and `>`. */
export function special(body, label) {
  if (body.startsWith("date^")) {
    const [, seconds, format, url] = body.split("^");
    return moment(seconds, decode(format ?? ""), url && decode(url), decode(label ?? body));
  }
  if (body.startsWith("subteam^")) return groupMention(body.slice(8), label);
  if (["here", "channel", "everyone"].includes(body)) return broadcast(body);
  return h("span", {}, decode(label ?? `<!${body}>`));
}
