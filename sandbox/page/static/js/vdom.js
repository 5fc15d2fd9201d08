// A very small virtual DOM. `h` describes, `mount` makes the document agree with the description by a
// keyed diff, so that focus, scroll position, open menus and typed text outlive every update.
//
// Props: `on` {event: handler}, `prop` {property: value} kept equal on every patch, `init` {property:
// value} set once, `style` {property: value}, `hook` {created, updated, removed}; the rest are attributes.

const SVG = "http://www.w3.org/2000/svg";
const NOTHING = Object.freeze({});

export function h(tag, props, ...children) {
  return { tag, key: props?.key, props: props ?? NOTHING, children: flatten(children, []), el: null };
}

function flatten(children, out) {
  for (const child of children) {
    if (Array.isArray(child)) flatten(child, out);
    else if (child === null || child === undefined || child === false || child === true) continue;
    else if (typeof child === "object") out.push(child);
    else if (child !== "") out.push({ tag: "#text", text: String(child), el: null });
  }
  return out;
}

const roots = new WeakMap();
let created = [];

export function mount(parent, children) {
  const next = flatten([children], []);
  patchChildren(parent, roots.get(parent) ?? [], next, parent.namespaceURI === SVG);
  roots.set(parent, next);
  const fresh = created;
  created = [];
  for (const vnode of fresh) vnode.props.hook.created(vnode.el);
}

/** The description made last time for `key`, unless one of `deps` changed. Unchanged descriptions are skipped whole. */
export function memo(cache, key, deps, make) {
  const old = cache.get(key);
  if (old && old.deps.length === deps.length && old.deps.every((dep, i) => Object.is(dep, deps[i])))
    return old.vnode;
  const vnode = make();
  cache.set(key, { deps, vnode });
  return vnode;
}

function patchChildren(parent, oldChildren, newChildren, svg) {
  const known = new Map();
  const name = namer();
  for (const child of oldChildren) known.set(name(child), child);
  const nameNew = namer();
  const pairs = newChildren.map((child) => {
    const id = nameNew(child);
    const old = known.get(id);
    if (old) known.delete(id);
    return [child, old];
  });
  for (const gone of known.values()) remove(gone);
  let cursor = parent.firstChild;
  for (const [child, old] of pairs) {
    const el = old ? patch(old, child, svg) : create(child, svg);
    if (el === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(el, cursor);
  }
}

/** Children without a key are matched by their order among siblings of the same tag. */
function namer() {
  const counts = new Map();
  return ({ tag, key }) => {
    if (key !== undefined && key !== null) return `${tag}=${key}`;
    const n = counts.get(tag) ?? 0;
    counts.set(tag, n + 1);
    return `${tag}#${n}`;
  };
}

function create(vnode, svg) {
  if (vnode.tag === "#text") return (vnode.el = document.createTextNode(vnode.text));
  const inSvg = svg || vnode.tag === "svg";
  const el = inSvg ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag);
  vnode.el = el;
  setProps(el, NOTHING, vnode.props);
  if (vnode.props.init) Object.assign(el, vnode.props.init);
  patchChildren(el, [], vnode.children, inSvg);
  setProperties(el, vnode.props.prop); // after the children: a <select> needs its options first
  if (vnode.props.hook?.created) created.push(vnode);
  return el;
}

function patch(old, vnode, svg) {
  if (old === vnode) return vnode.el;
  const el = (vnode.el = old.el);
  if (vnode.tag === "#text") {
    if (old.text !== vnode.text) el.data = vnode.text;
    return el;
  }
  setProps(el, old.props, vnode.props);
  patchChildren(el, old.children, vnode.children, svg || vnode.tag === "svg");
  setProperties(el, vnode.props.prop);
  vnode.props.hook?.updated?.(el);
  return el;
}

function remove(vnode) {
  forgotten(vnode);
  vnode.el.remove();
}

function forgotten(vnode) {
  vnode.props?.hook?.removed?.(vnode.el);
  for (const child of vnode.children ?? []) forgotten(child);
}

const SPECIAL = new Set(["key", "on", "prop", "init", "hook", "style"]);

function setProps(el, before, after) {
  for (const name in before) {
    if (!SPECIAL.has(name) && !(name in after)) el.removeAttribute(name);
  }
  for (const name in after) {
    if (SPECIAL.has(name)) continue;
    const value = after[name];
    if (before[name] === value) continue;
    if (value === false || value === null || value === undefined) el.removeAttribute(name);
    else el.setAttribute(name, value === true ? "" : String(value));
  }
  setStyle(el, before.style ?? NOTHING, after.style ?? NOTHING);
  setHandlers(el, after.on);
}

function setStyle(el, before, after) {
  for (const name in before) if (!(name in after)) el.style.removeProperty(name);
  for (const name in after) if (before[name] !== after[name]) el.style.setProperty(name, after[name]);
}

function setProperties(el, properties) {
  for (const name in properties) if (el[name] !== properties[name]) el[name] = properties[name];
}

const handlersOf = new WeakMap();

function setHandlers(el, handlers) {
  if (!handlers && !handlersOf.has(el)) return;
  const known = handlersOf.get(el) ?? { current: NOTHING, types: new Set() };
  known.current = handlers ?? NOTHING;
  handlersOf.set(el, known);
  for (const type in known.current) {
    if (known.types.has(type)) continue;
    known.types.add(type);
    el.addEventListener(type, dispatch);
  }
}

function dispatch(event) {
  return handlersOf.get(event.currentTarget)?.current[event.type]?.(event);
}
