// Projects, services, deployments and volumes on the Railway stand-in, live.

import { h } from "./vdom.js";
import { ago, full, relative } from "./dates.js";
import { icon } from "./icons.js";
import { statusIcon } from "./tasks.js";
import { state } from "./store.js";

const LOOKS = {
  SUCCESS: ["complete", "Running"],
  SLEEPING: ["pending", "Sleeping"],
  FAILED: ["error", "Failed"],
  CRASHED: ["error", "Crashed"],
  REMOVED: ["pending", "Removed"],
  REMOVING: ["in_progress", "Removing"],
  SKIPPED: ["pending", "Skipped"],
  NEEDS_APPROVAL: ["pending", "Waits for approval"],
  QUEUED: ["in_progress", "Queued"],
  WAITING: ["in_progress", "Waiting"],
  INITIALIZING: ["in_progress", "Initializing"],
  BUILDING: ["in_progress", "Building"],
  DEPLOYING: ["in_progress", "Deploying"],
};

export function railway() {
  const { railway: summary } = state;
  if (!summary) return h("p", { class: "empty" }, "Looking…");
  const projects = summary.projects ?? [];
  const living = projects.filter((one) => !isGone(one));
  const gone = projects.filter(isGone);
  if (!projects.length)
    return h(
      "div",
      { class: "empty" },
      h("p", {}, "Nothing exists on Railway yet."),
      h("p", { class: "muted" }, "Projects appear here while a command makes them."),
    );
  return h(
    "div",
    { class: "projects" },
    living.map(project),
    gone.length
      ? h(
          "details",
          { class: "gone" },
          h("summary", {}, `${gone.length} deleted`),
          h(
            "ul",
            {},
            gone.map((one) =>
              h(
                "li",
                { key: one.id },
                one.name,
                " ",
                h("span", { class: "muted" }, ago(new Date(one.deleted_at))),
              ),
            ),
          ),
        )
      : null,
  );
}

const isGone = (one) => Boolean(one.deleted_at);

function project(one) {
  const several = (one.environments ?? []).length > 1;
  return h(
    "section",
    {
      class: "project",
      id: `project-${one.id}`,
      key: one.id,
      tabindex: "-1",
      "aria-label": `Project ${one.name}`,
    },
    h(
      "div",
      { class: "project-head" },
      h("h3", { title: one.id }, one.name),
      one.created_at ? h("span", { class: "muted" }, ago(new Date(one.created_at))) : null,
    ),
    one.description ? h("p", { class: "project-note muted" }, one.description) : null,
    one.delete_at
      ? h(
          "p",
          { class: "project-doomed", title: full(new Date(one.delete_at)) },
          icon("trash"),
          `Will be deleted ${relative(new Date(one.delete_at))}`,
        )
      : null,
    (one.environments ?? []).map((environment) =>
      h(
        "div",
        { key: environment.id, class: "environment" },
        several || environment.name !== "production" ? h("h4", {}, environment.name) : null,
        environment.services?.length
          ? h("ul", { class: "services" }, environment.services.map(service))
          : h("p", { class: "muted project-note" }, "No services yet"),
      ),
    ),
  );
}

function glyph(one) {
  if (one.volume || /postgres|redis|mysql|mongo/i.test(`${one.icon ?? ""} ${one.name}`)) return icon("disk");
  return icon(one.domain || one.url ? "globe" : "box");
}

function service(one) {
  const status = one.deployment?.status ?? one.status ?? null;
  const [look, words] = LOOKS[status] ?? [
    "pending",
    status ? String(status).toLowerCase().replaceAll("_", " ") : "No deployment",
  ];
  const phase = one.deployment?.phase;
  const detail = phase && look === "in_progress" ? String(phase).toLowerCase().replaceAll("_", " ") : words;
  return h(
    "li",
    { key: one.id, class: `service is-${look}` },
    h("span", { class: "service-glyph" }, glyph(one)),
    h(
      "div",
      { class: "service-words" },
      h("div", { class: "service-name", title: one.id }, one.name),
      h(
        "div",
        { class: "service-state" },
        statusIcon(look),
        h("span", {}, detail.charAt(0).toUpperCase() + detail.slice(1)),
        one.deployment?.created_at
          ? h("span", { class: "muted" }, ago(new Date(one.deployment.created_at)))
          : null,
      ),
      one.deployment?.commit
        ? h("div", { class: "muted service-note" }, `Commit ${one.deployment.commit.slice(0, 7)}`)
        : null,
      one.volume ? h("div", { class: "muted service-note" }, icon("disk"), `Volume at ${one.volume}`) : null,
      one.domain ? gateway(one, look === "complete") : null,
    ),
  );
}

/** `*.localhost` reaches the sandbox in every browser; only the port has to be added. */
function gateway(one, up) {
  const address = `http://${one.domain}${location.port ? `:${location.port}` : ""}/`;
  return up
    ? h(
        "a",
        { class: "service-link", href: address, target: "_blank", rel: "noreferrer noopener" },
        h("span", {}, one.domain),
        icon("out", "is-trailing"),
      )
    : h(
        "span",
        { class: "service-link is-off", "aria-disabled": "true", title: "Nothing answers there yet" },
        one.domain,
      );
}
