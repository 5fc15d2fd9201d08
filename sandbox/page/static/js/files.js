// Files that came with a message: pictures, snippets with a preview, and everything else as a card.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { changed, state } from "./store.js";
import { preformatted } from "./copy.js";

const PREVIEW_LIMIT = 40_000; // characters
const previews = new Map(); // file id → text, null while it is fetched

/** Where the viewer can read a file. Its own `url_private` answers only to the app's token. */
export function fileUrl(file) {
  const id = file?.id ?? /\/slack\/files\/(\w+)\//.exec(file?.url ?? file?.url_private ?? "")?.[1];
  return id
    ? `/control/slack/file?${new URLSearchParams({ as: state.viewer, id })}`
    : (file?.url ?? file?.url_private ?? null);
}

const UNITS = ["bytes", "kB", "MB", "GB"];

export function size(bytes) {
  let unit = 0;
  let n = bytes ?? 0;
  while (n >= 1000 && unit < UNITS.length - 1) {
    n /= 1000;
    unit += 1;
  }
  return `${unit && n < 10 ? n.toFixed(1) : Math.round(n)} ${UNITS[unit]}`;
}

const isText = (file) =>
  /^(?:text\/|application\/(?:json|xml|x-yaml|yaml|toml|x-sh|sql))/.test(file.mimetype ?? "") ||
  /\.(?:txt|log|md|json|ya?ml|toml|sql|py|js|ts|sh|csv|diff|patch)$/i.test(file.name ?? "");

export function attachedFile(file) {
  const url = fileUrl(file);
  const name = file.title || file.name || file.id;
  if (file.mimetype?.startsWith("image/") && url) {
    return h(
      "a",
      { key: file.id, class: "file-image", href: url, target: "_blank", rel: "noreferrer noopener" },
      h("img", { src: url, alt: file.alt_txt ?? name, loading: "lazy" }),
    );
  }
  return h(
    "div",
    { key: file.id, class: "file-card" },
    h(
      "div",
      { class: "file-head" },
      icon("file"),
      h("span", { class: "file-name" }, name),
      h("span", { class: "muted" }, file.size === undefined ? "" : size(file.size)),
      url
        ? h(
            "a",
            { href: url, download: file.name ?? "", target: "_blank", rel: "noreferrer noopener" },
            "Download",
          )
        : null,
    ),
    isText(file) && url ? snippet(file, url) : null,
  );
}

function snippet(file, url) {
  const text = file.preview ?? previews.get(file.id);
  if (text === undefined) load(file.id, url);
  return text ? h("div", { class: "snippet" }, preformatted(text)) : null;
}

async function load(id, url) {
  previews.set(id, null);
  try {
    const response = await fetch(url);
    if (response.ok) previews.set(id, (await response.text()).slice(0, PREVIEW_LIMIT));
  } catch {
    return; // the card with its download link stays
  }
  changed();
}

export const previewVersion = (files) =>
  (files ?? []).map((file) => previews.get(file.id)?.length ?? 0).join();
