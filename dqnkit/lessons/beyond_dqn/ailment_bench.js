// The bench: Python learns, the browser asks for runs and draws what has been learned so far.

// Earlier runs, the newest of them first: solid or in long dashes, so that none looks like the dotted reference.
const EARLIER = [
  { dash: "9 3", opacity: 0.85 },
  { dash: "14 3 3 3", opacity: 0.65 },
  { dash: "none", opacity: 0.45 },
];

const BENCH_STYLE = `
.dqnkit-bench { display: flex; flex-direction: column; gap: 8px; max-width: 1060px; }
.dqnkit-bench .charts { display: flex; flex-wrap: wrap; gap: 4px 16px; }
.dqnkit-bench .charts > div { flex: 1 1 300px; min-width: 0; }
.dqnkit-bench .legend { min-height: 1.4em; gap: 2px 16px; }
.dqnkit-bench .legend span { display: inline-flex; align-items: center; gap: 6px; }
.dqnkit-bench .state { min-width: 20em; }
.dqnkit-bench progress { width: 130px; height: 10px; accent-color: ${PALETTE["online network"].color}; }
.dqnkit-bench .story { min-height: 2.8em; max-width: 60em; }
.dqnkit-bench input[type="number"] { width: 4em; border: 1px solid var(--line); border-radius: 4px; padding: 3px 6px; }
.dqnkit-bench svg text.too-high { fill: color-mix(in srgb, ${PALETTE["target network"].color} 75%, var(--ink)); }
`;

function render({ model, el }) {
  const { problems, parts, caption } = model.get("menu");
  const ask = (content) => model.send(content);
  const said = speaker();

  const problem = choice(
    "problem",
    Object.entries(problems).map(([name, { title }]) => [title.split(":")[0], name]),
    model.get("problem"),
    (name) => ask({ do: "begin", problem: name }),
  );
  const story = html("div", { class: "story" });
  const switches = Object.entries(parts).map(([name, label]) => {
    const box = ownKeys(html("input", { type: "checkbox", checked: model.get("parts").includes(name), value: name }));
    return { box, label: html("label", {}, box, label) };
  });
  const seed = ownKeys(html("input", { type: "number", min: 0, max: 99, step: 1, value: model.get("seed") }));
  const run = () => {
    const chosen = switches.filter(({ box }) => box.checked).map(({ box }) => box.value);
    seed.value = Math.min(99, Math.max(0, Math.round(Number(seed.value) || 0)));
    ask({ do: "run", parts: chosen, seed: Number(seed.value) });
  };
  seed.addEventListener("keydown", (event) => event.key === "Enter" && run());
  const stop = button("■ Stop", () => ask({ do: "stop" }));
  const clear = button("Clear runs", () => ask({ do: "begin", problem: model.get("problem") }));
  const state = html("div", { class: "state" });
  const progress = html("progress", { "aria-label": "progress of the run", max: 1, value: 0 });
  const [error, excess] = [html("span", { class: "number" }), html("span", { class: "number" })];
  const direction = html("span", { class: "unit" });
  const legend = html("div", { class: "row legend" });

  const curves = new Chart({
    x: { name: "steps (each with one update)", low: 0, high: 1 },
    y: { name: "error against Q*", low: 0, high: 1 },
    height: 250,
    label: "The error of the runs over their steps",
  });
  const values = new Chart({
    x: { name: "exact Q* (return)", low: 0, high: 1 },
    y: { name: "learned Q (return)", low: 0, high: 1 },
    height: 250,
    label: "Each learned value against the exact one",
  });
  let range = null; // of the values that the newest run has had: axes grow and do not shrink while it learns
  let rangeOf = "";

  function drawCurves(newest, earlier) {
    const all = [newest, ...earlier].flatMap(({ errors }) => errors);
    curves.x.high = newest.total || curves.x.high;
    curves.y.high = roundUp(Math.max(1e-3, ...all), [1, 2, 3, 4, 5, 6, 8, 10]);
    curves.fit(curves.width);
    const line = ({ steps, errors }, look) => curves.line(steps.map((step, n) => [step, errors[n]]), "online network", look);
    const old = [...earlier].reverse().map((run, n) => line(run, grey(n)));
    curves.data.replaceChildren(...old.reverse(), line(newest, { "stroke-width": 2.5 }));
    const key = (look) => svg("svg", { width: 30, height: 10, "aria-hidden": "true" }, svg("path", { d: "M0 5H30", "stroke-width": 2, ...look }));
    legend.replaceChildren(
      html("span", {}, key({ stroke: PALETTE["online network"].color }), html("b", {}, newest.label)),
      ...[...earlier].reverse().map((run, n) => html("span", {}, key(grey(n)), run.label)),
    );
  }

  const grey = (n) => ({ stroke: "var(--ink)", "stroke-opacity": EARLIER[n].opacity, "stroke-dasharray": EARLIER[n].dash });

  function drawValues({ label, learned = [], true: exact = [] }) {
    if (!learned.length) return;
    if (rangeOf !== model.get("problem") + label) [rangeOf, range] = [model.get("problem") + label, null];
    const [low, high] = [Math.min(...learned, ...exact), Math.max(...learned, ...exact)];
    range = [Math.min(low, range?.[0] ?? low), Math.max(high, range?.[1] ?? high)];
    const rim = 0.06 * Math.max(range[1] - range[0], 0.1);
    [values.x.low, values.x.high] = [values.y.low, values.y.high] = [range[0] - rim, range[1] + rim];
    values.fit(values.width);
    const ends = [values.x.low, values.x.high];
    const corners = [[ends[0], ends[0]], [ends[1], ends[1]], [ends[0], ends[1]]];
    const text = (where, anchor, words, look) => {
      const [x, y] = [values.px(where[0]), values.py(where[1])];
      return svg("text", { x: x + (anchor === "end" ? -6 : 6), y: y + (anchor === "end" ? -8 : 16), "text-anchor": anchor, class: look }, words);
    };
    values.data.replaceChildren(
      svg("path", { d: `${values.path(corners)}Z`, fill: PALETTE["target network"].color, "fill-opacity": 0.1 }),
      values.line(ends.map((end) => [end, end]), "reference"),
      values.dots(exact.map((value, n) => [value, learned[n]]), "online network", 2.5, { "stroke-opacity": 0.85 }),
      text([ends[0], ends[1]], "start", "too high", "too-high"),
      text([ends[1], ends[0]], "end", "too low", "soft"),
    );
  }

  const draw = eachFrame(el, () => {
    if (!curves.width) return; // the page has not said yet how wide it is
    const newest = model.get("newest");
    const { title, story: text, part } = problems[model.get("problem")];
    story.replaceChildren(html("b", {}, `${title}. `), text, " The part made for it: ", html("b", {}, part), ".");
    const step = newest.steps.at(-1) ?? 0;
    const runs = model.get("state") === "running";
    const word = { running: "Running", stopped: "Stopped", finished: "Finished" }[model.get("state")];
    state.textContent = `${word}: ${newest.label}. Step ${step.toLocaleString("en-US")} of ${newest.total.toLocaleString("en-US")}`;
    progress.value = newest.total ? step / newest.total : 0;
    stop.disabled = !runs;
    if (step) {
      error.textContent = newest.errors.at(-1).toFixed(3);
      excess.textContent = Math.abs(newest.overestimation).toFixed(3);
      direction.textContent = ` ${newest.overestimation > 0 ? "too high" : "too low"}, the values of states on average`;
      said.say(`${state.textContent}: error ${error.textContent}; ${excess.textContent}${direction.textContent}.`);
    }
    drawCurves(newest, model.get("earlier"));
    drawValues(newest);
  });

  const [left, right] = [html("div", {}, curves.element), html("div", {}, values.element)];
  const whole = html(
    "div",
    { class: "dqnkit-bench" },
    html("div", { class: "row" }, "problem", problem),
    story,
    html("div", { class: "row" }, "parts", ...switches.map(({ label }) => label), html("label", {}, "seed", seed)),
    html("div", { class: "row" }, button("▶ Run", run), stop, clear, progress, state),
    html("div", { class: "row" }, html("div", {}, error, html("span", { class: "unit" }, " error")), html("div", {}, excess, direction)),
    legend,
    html("div", { class: "charts" }, left, right),
    html("div", { class: "unit" }, caption),
    said,
  );
  el.append(html("style", {}, BENCH_STYLE), whole);
  for (const name of ["newest", "earlier", "state", "problem"]) model.on(`change:${name}`, draw);
  return followWidth(whole, (width) => {
    const columns = width >= 620 ? 2 : 1;
    curves.width = values.width = Math.floor((width - 16 * (columns - 1)) / columns);
    draw();
  });
}
