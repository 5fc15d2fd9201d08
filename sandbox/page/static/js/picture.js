// Pictures of blocks, attachments and files. One that cannot be loaded shows its alternative text.

import { h } from "./vdom.js";
import { fileUrl } from "./files.js";

export function picture(image, extra = "") {
  const src = image.image_url ?? image.thumb_url ?? fileUrl(image.slack_file);
  const alt = image.alt_text ?? "";
  const broken = (event) => event.target.parentElement.classList.add("is-broken");
  return h(
    "span",
    { class: `picture ${extra}`, key: src },
    h("img", {
      src: /^(?:https?:|\/|data:image\/|blob:)/i.test(src ?? "") ? src : null,
      alt,
      title: alt || null,
      loading: "lazy",
      decoding: "async",
      referrerpolicy: "no-referrer",
      on: { error: broken },
    }),
    h("span", { class: "picture-alt", "aria-hidden": "true" }, alt || "Picture"),
  );
}
