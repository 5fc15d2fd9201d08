// What a page without scripts cannot do: follow live parts, count seconds, ask in a dialog, copy.
"use strict";

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function duration(seconds) {
  const left = Math.max(0, Math.round(seconds));
  const at = UNITS.findIndex(([size]) => left >= size);
  if (at < 0) return "0 s";
  const [size, unit] = UNITS[at];
  const whole = Math.floor(left / size);
  const next = UNITS[at + 1];
  const minor = next ? Math.floor((left % size) / next[0]) : 0;
  return minor ? `${whole} ${unit} ${minor} ${next[1]}` : `${whole} ${unit}`;
}

function tick() {
  for (const time of document.querySelectorAll("time[data-since]")) {
    const text = duration((Date.now() - Date.parse(time.dataset.since)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}

// Only what has changed is replaced, so that focus, selection and open dialogs stay where they are.
function place(there, drawn) {
  const wanted = [...drawn.children];
  const known = new Map([...there.children].map((child) => [child.id, child]));
  wanted.forEach((child, at) => {
    const old = known.get(child.id);
    known.delete(child.id);
    if (!old) {
      there.insertBefore(child, there.children[at] || null);
    } else if (child.dataset.keyed !== undefined) {
      place(old, child);
    } else if (meant(old) !== meant(child) && !old.querySelector("dialog[open]")) {
      old.replaceWith(child);
    }
  });
  for (const gone of known.values()) gone.remove();
}

// The server names every form and dialog anew; that alone is no change. Nor is a counted second.
function meant(element) {
  const copy = element.cloneNode(true);
  for (const each of copy.querySelectorAll("input[name=nonce], input[name=token]")) each.remove();
  for (const each of copy.querySelectorAll("dialog, [data-opens]")) {
    for (const name of ["id", "data-opens", "aria-labelledby"]) each.removeAttribute(name);
  }
  for (const each of copy.querySelectorAll("dialog [id]")) each.removeAttribute("id");
  for (const each of copy.querySelectorAll("time[data-since]")) each.textContent = "";
  return copy.outerHTML;
}

for (const part of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("drawn", (event) => {
    const drawn = document.createElement("template");
    drawn.innerHTML = event.data;
    place(part, drawn.content);
    tick();
  });
  source.addEventListener("over", () => source.close());
  window.addEventListener("pagehide", () => source.close());
}

for (const text of document.querySelectorAll("[data-tail]")) {
  const source = new EventSource(text.dataset.tail);
  const caption = text.parentElement.querySelector("figcaption");
  source.addEventListener("more", (event) => {
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
    text.append(`${event.data}\n`);
    if (atEnd) text.scrollTop = text.scrollHeight;
  });
  // Asked again from its beginning it would tell the same lines once more.
  for (const end of ["over", "error"]) {
    source.addEventListener(end, () => { source.close(); caption.textContent = "No longer followed."; });
  }
  window.addEventListener("pagehide", () => source.close());
}

document.addEventListener("click", async (event) => {
  const opens = event.target.closest("[data-opens]");
  if (opens) document.getElementById(opens.dataset.opens).showModal();
  const copies = event.target.closest("[data-copies]");
  if (copies) {
    await navigator.clipboard.writeText(copies.parentElement.querySelector("code").textContent);
    copies.textContent = "Copied";
  }
});

document.addEventListener("submit", (event) => {
  // A second click would only be told that the first one was heard.
  const pressed = event.submitter;
  if (pressed && event.target.method === "post") setTimeout(() => { pressed.disabled = true; });
});

window.addEventListener("pageshow", () => {
  for (const pressed of document.querySelectorAll("button:disabled")) pressed.disabled = false;
});

tick();
setInterval(tick, 1000);
