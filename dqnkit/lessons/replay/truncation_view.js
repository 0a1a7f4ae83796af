// Two treatments of truncated episodes, as going on or as terminated: the last discount, and the values learned.

function render({ model, el }) {
  const curves = model.get("curves"); // [{name, low, middle, high, along}]: values over the updates, and along an episode
  const updates = model.get("updates");
  const references = model.get("references"); // [name, value]
  const gamma = model.get("gamma");
  const limit = model.get("limit");
  const quantities = ["environment", "target network"];
  let lit = 0; // the curve that stands out; the first is the right treatment

  const values = curves.flatMap(({ low, high, along }) => [...low, ...high, ...along]).filter(Number.isFinite);
  const top = 1.12 * Math.max(...references.map(([, value]) => value));
  const y = { low: Math.min(0, ...values), high: Math.max(top, ...values) };
  const learning = new Chart({
    x: { name: "updates", low: 0, high: updates.at(-1) },
    y: { ...y, name: "value V (discounted sum of rewards)" },
    height: 260,
  });
  const along = new Chart({
    x: { name: `step in one episode of ${curves[0].along.length}`, low: 0, high: curves[0].along.length - 1 },
    y: { ...y, name: "" },
    height: 260,
    margins: { left: 40 },
  });
  const reached = largeNumber();
  const end = `after ${updates.at(-1).toLocaleString("en")} updates`;
  const body = html("tbody");
  const said = speaker();

  const draw = eachFrame(el, () => {
    const { name, middle } = curves[lit];
    const value = middle.at(-1);
    const text = Number.isFinite(value) ? value.toFixed(1) : "no number";
    reached.say(text, `V ${end}`);
    body.replaceChildren(...[limit - 2, limit - 1, limit].map(rowOf));
    drawCurves(learning, ({ middle }) => middle.map((value, index) => [updates[index], value]), true);
    drawCurves(along, (curve) => curve.along.map((value, step) => [step, value]), false);
    const summary = `${name}: ${end} the values are about ${text}.`;
    learning.element.setAttribute("aria-label", `Learned values over updates. ${summary}`);
    along.element.setAttribute("aria-label", `Learned values along one episode. ${summary}`);
    said.say(summary);
  });

  function rowOf(step) {
    const discount = step < limit || lit === 0 ? gamma : 0;
    const target = discount ? `1 + ${discount} · V(s')` : "1: nothing follows";
    const cells = [step, "1", "no", step === limit ? "yes" : "no", discount, target];
    return html("tr", step === limit ? { class: "last" } : {}, ...cells.map((text) => html("td", {}, `${text}`)));
  }

  function drawCurves(chart, pointsOf, hasBand) {
    const lines = curves.flatMap((curve, index) => {
      const look = { opacity: index === lit ? 1 : 0.6 };
      const band = hasBand
        ? [[...curve.low.entries()], [...curve.high.entries()].reverse()].flat().map(([at, value]) => [updates[at], value])
        : [];
      const fill = { d: chart.path(band), fill: PALETTE[quantities[index]].color, "fill-opacity": 0.2, ...look };
      return [svg("path", fill), chart.line(pointsOf(curve), quantities[index], look)];
    });
    const bounds = references.flatMap(([name, value]) => {
      const line = chart.line([[chart.x.low, value], [chart.x.high, value]], "reference");
      const place = { x: chart.px(chart.x.high), y: chart.py(value) - 5, "text-anchor": "end" };
      return hasBand ? [line, svg("text", place, `${name} = ${value.toFixed(1)}`)] : [line];
    });
    chart.data.replaceChildren(...lines, ...bounds);
  }

  const names = curves.map(({ name }, index) => [name, index]);
  const treatments = choice(`How step ${limit} is treated`, names, lit, (value) => {
    lit = value;
    draw();
  });
  const head = ["step", "reward", "terminated", "truncated", "discount", "TD target"].map((name) => html("th", { scope: "col" }, name));
  const sides = [learning, along].map((chart, index) => html("div", { style: index ? "flex: 2 1 260px" : "flex: 3 1 340px" }, chart.element));
  el.style.maxWidth = "860px";
  el.append(
    html("style", {}, STYLE_OF_TARGETS),
    html("div", { class: "row" }, `step ${limit}`, treatments),
    html(
      "div",
      { class: "row", style: "gap: 4px 32px; margin: 6px 0" },
      html("table", { class: "targets" }, html("thead", {}, html("tr", {}, ...head)), body),
      reached,
    ),
    html("div", { class: "sides" }, ...sides),
    html("div", { class: "row" }, ...curves.map(({ name }, index) => key(name, { line: quantities[index] }))),
    html("p", { class: "caption" }, model.get("caption")),
    said,
  );
  const stops = [learning, along].map((chart, index) => {
    return followWidth(sides[index], (width) => {
      chart.fit(width);
      draw();
    });
  });
  return () => stops.forEach((stop) => stop());
}

const STYLE_OF_TARGETS = `
.dqnkit .targets { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: 0; }
.dqnkit .targets :is(td, th) { padding: 2px 10px; text-align: right; white-space: nowrap; font-weight: 400; }
.dqnkit .targets th { color: var(--ink-soft); }
.dqnkit .targets td:last-child { min-width: 9.5em; }
.dqnkit .targets .last td { font-weight: 600; }
`;
