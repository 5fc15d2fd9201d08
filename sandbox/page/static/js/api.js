// The sandbox's control endpoints. Failures become ApiError, whose message is meant for a person.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, body) {
  let response;
  try {
    response = await fetch(`/control/${path}`, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new ApiError("The sandbox does not answer. Is it still running?", 0);
  }
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // an answer without JSON; the status says the rest
  }
  if (!response.ok)
    throw new ApiError(answer?.error ?? `The sandbox answered ${response.status}.`, response.status);
  return answer ?? {};
}

const get = (path, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return call("GET", given.length ? `${path}?${new URLSearchParams(given)}` : path);
};
const post = (path, body) => call("POST", path, body);

export const workspace = () => get("slack/workspace");
export const messages = (channel, as, thread_ts) => get("slack/messages", { channel, as, thread_ts });
export const views = (as) => get("slack/views", { as });
export const command = (user, channel, text, thread_ts) =>
  post("slack/command", { user, channel, text, thread_ts });
export const say = (user, channel, text, thread_ts) => post("slack/say", { user, channel, text, thread_ts });
export const click = (action) => post("slack/click", action);
export const viewAction = (action) => post("slack/view_action", action);
export const suggest = (question) => post("slack/suggest", question);
export const submit = (user, view_id, values) => post("slack/submit", { user, view_id, values });
export const close = (user, view_id, all) => post("slack/close", { user, view_id, all });
export const openHome = (user) => post("slack/home", { user });
export const shortcut = (user, callback_id, channel, ts) =>
  post("slack/shortcut", { user, callback_id, channel, ts });
export const react = (user, channel, ts, name) => post("slack/react", { user, channel, ts, name });
export const stopStream = (user, channel, ts) => post("slack/stop_stream", { user, channel, ts });
export const dismiss = (user, channel, ts) => post("slack/dismiss", { user, channel, ts });
export const invite = (channel, user) => post("slack/invite", { channel, user });
export const kick = (channel, user) => post("slack/kick", { channel, user });
export const railway = () => get("railway/summary");
export const journal = (since) => get("journal", { since });

const PROBLEMS = {
  operation_timeout: "The app did not answer within 3 seconds.",
  dispatch_failed: "The app cannot be reached. Is it running?",
};

/** What went wrong between Slack and the app, in words; null when the app took it. */
export function refusal({ status, body }) {
  if (status === undefined || status === 200) return null;
  if (status === 400) return "Not sent."; // Slackbot says why
  return PROBLEMS[body] ?? `The app answered ${status}.`;
}

/** Hints from the server. `onHint(hint)` per hint, `onState("live" | "lost")` when the line comes or goes. */
export function listen(onHint, onState) {
  const source = new EventSource("/control/events");
  source.onopen = () => onState("live");
  source.onerror = () => {
    onState("lost");
    // The browser reconnects by itself unless the answer was no event stream at all.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(onHint, onState), 2000);
  };
  source.onmessage = (event) => onHint(JSON.parse(event.data));
}
