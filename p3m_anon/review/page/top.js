// The bar at the top, and what is shown where a picture would be when nothing waits.

import { byId, make } from "./dom.js";
import { toast } from "./notices.js";

const NAME = "p3m-who";

export function prepareTop(review) {
  byId("who").oninput = ({ target }) => sessionStorage.setItem(NAME, target.value);
  byId("theme").onclick = switchTheme;
  for (const name of ["state", "filter"]) review.addEventListener(name, () => showState(review));
  review.addEventListener("finished", () => showFinished(review));
  review.addEventListener("picture", () => review.picture && (byId("empty").hidden = true));
  review.addEventListener("filter", () => (byId("empty").hidden = true));
  review.addEventListener("restored", () => toast("Your unsaved drawing is back."));
}

function showState({ state: { who, progress, sample, out }, filter }) {
  const name = byId("who");
  if (!name.dataset.asked) {
    name.dataset.asked = "true";
    name.value = sessionStorage.getItem(NAME) ?? who ?? "";
  }
  document.title = `Review ${out} - p3m-anon`;
  byId("progress").textContent = `${progress.decided} of ${progress.total} decided`;
  const sampling = sample !== null && filter === "sample";
  byId("progress").hidden = sampling;
  byId("sample").hidden = !sampling;
  if (!sampling) return;
  const counts = `${sample.answered} of ${sample.size} looked at, ${sample.missed} missed`;
  byId("sample").textContent = `${counts}. Any new mask counts as missed.`;
  const begun = `${sample.continued ? "This check goes on from before" : "This check is new"}; seed ${sample.seed}.`;
  byId("sample").title = [byId("sample").textContent, begun, sample.statement ?? ""].join("\n").trim();
}

function showFinished({ state, filter }) {
  const { sample, unwritten, filters } = state;
  const open = (key) => filters.find((one) => one.key === key)?.open ?? 0;
  const total = (key) => filters.find((one) => one.key === key)?.total ?? 0;
  const go = (key, label) => make("button", { type: "button", data: { go: key }, onclick: () => byId("filters").querySelector(`[data-filter="${key}"]`).click() }, label);
  const parts = [make("h2", {}, sample?.finished && filter === "sample" ? "The sample is looked through" : "Nothing waits here")];
  if (sample?.finished && filter === "sample") parts.push(make("p", { id: "statement" }, sample.statement));
  if (unwritten) {
    parts.push(make("p", {}, `${unwritten} decided, not yet written. Writing makes the pictures and keeps your decisions.`));
    parts.push(make("button", { type: "button", className: "main", onclick: () => byId("write").click() }, "Write now"));
  } else {
    parts.push(make("p", {}, "All decisions are written. Next: p3m-anon audit attacks what was written; p3m-anon blur takes new pictures in."));
  }
  if (filter !== "todo" && open("todo")) parts.push(go("todo", `Go to what waits (${open("todo")})`));
  if (filter !== "later" && total("later")) parts.push(go("later", `Go to what was skipped (${total("later")})`));
  byId("empty").replaceChildren(...parts);
  byId("empty").hidden = false;
}

// The system decides until somebody does.
function switchTheme() {
  const now = document.documentElement.style.colorScheme;
  const dark = now ? now === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.style.colorScheme = dark ? "light" : "dark";
  localStorage.setItem("p3m-theme", dark ? "light" : "dark");
}

export function rememberedTheme() {
  document.documentElement.style.colorScheme = localStorage.getItem("p3m-theme") ?? "";
}
