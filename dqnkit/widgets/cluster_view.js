// The cluster as a picture: workers, replay buffer and learner as boxes; rollouts and weights travel between them. A
// click on a worker kills it. Python sends what is new (see `ClusterView` in cluster_view.py), at most twice a second.

const TRAVEL = 280; // ms from box to box
const APART = 220; // ms between two rollouts of one worker
const TRAVELLERS = 24; // at most at the same time
const TASKS = 6; // drawn in a box, at most
const POINTS = 480; // of a curve, at most
const ROWS = 4; // of boxes
const NARROW = 640; // pixels: below it, replay buffer and learner stand one above the other
const TINY = 140; // pixels: a narrower box shows the least
const UNHEARD = 15_000; // ms after which a killed worker that still works is shown as alive again
const RING = 2 * Math.PI * 8; // pixels around the ring of a new worker
const ICONS = { busy: "●", waiting: "○", lost: "✖" };
const CRACK = "M13 0L19 8L8 14L18 21L7 27L12 34"; // across a box of 34 pixels

const STYLE = `
.dqnkit-cluster { display: flex; flex-direction: column; gap: 4px; }
.dqnkit-cluster .head { min-height: 32px; }
.dqnkit-cluster .simulated { font-weight: 600; padding: 0 6px; outline: 2px solid currentColor; outline-offset: -2px; }
.dqnkit-cluster .soft { color: var(--ink-soft); }
.dqnkit-cluster .stage { position: relative; display: flex; height: 150px; }
.dqnkit-cluster .workers { flex: 1 1 auto; min-width: 0; display: grid; gap: 4px; grid-auto-flow: column; align-content: center; }
.dqnkit-cluster .gap { flex: 0 0 84px; }
.dqnkit-cluster .driver { flex: 0 0 332px; display: flex; flex-wrap: wrap; gap: 4px 26px; align-content: center; }
.dqnkit-cluster .driver > .soft { flex: 1 0 100%; }
.dqnkit-cluster .box { flex: 1 1 0; min-width: 0; padding: 6px 10px; border-radius: 6px; border: 2px solid var(--own); z-index: 1;
  background: color-mix(in srgb, var(--own) 14%, var(--ground)); line-height: 1.25; }
.dqnkit-cluster.medium .gap { flex-basis: 60px; }
.dqnkit-cluster.medium .driver { flex-basis: 316px; gap: 4px 20px; }
.dqnkit-cluster.narrow .gap { flex-basis: 40px; }
.dqnkit-cluster.narrow .driver { flex-basis: 178px; flex-direction: column; flex-wrap: nowrap; gap: 4px; }
.dqnkit-cluster.narrow .box { padding: 2px 8px; }
.dqnkit-cluster.narrow .driver > .soft, .dqnkit-cluster.narrow .wide { display: none; }
.dqnkit-cluster button.worker { position: relative; display: flex; align-items: center; gap: 8px; min-width: 0; height: 34px;
  overflow: hidden; text-align: left; white-space: nowrap; padding: 0 8px; z-index: 1; border: 1px solid ${PALETTE.environment.color};
  border-left: 8px solid var(--own); background: color-mix(in srgb, ${PALETTE.environment.color} 12%, var(--ground));
  transition: background 250ms, opacity 250ms; }
.dqnkit-cluster button.worker[aria-disabled="true"] { cursor: default; }
.dqnkit-cluster button.worker[aria-disabled="false"]:hover { background: color-mix(in srgb, ${PALETTE["target network"].color} 24%, var(--ground)); }
.dqnkit-cluster button.worker.lost { border-style: dashed; border-left-style: solid; background: var(--ground); }
.dqnkit-cluster button.worker.tiny { padding: 0 4px; gap: 4px; }
.dqnkit-cluster .worker span { overflow: hidden; text-overflow: ellipsis; }
.dqnkit-cluster .worker .name { flex: 0 1 auto; font-weight: 600; min-width: min-content; max-width: 40%; }
.dqnkit-cluster .worker .says { flex: 1 1 auto; font-variant-numeric: tabular-nums; }
.dqnkit-cluster .worker .tasks { flex: 0 0 auto; display: flex; gap: 3px; transition: opacity 250ms; }
.dqnkit-cluster .worker .tasks i { width: 8px; height: 8px; background: ${PALETTE.environment.color}; }
.dqnkit-cluster .worker.lost .tasks { opacity: 0; position: absolute; right: 8px; }
.dqnkit-cluster .worker.tiny .tasks { display: none; }
.dqnkit-cluster .worker.tiny .crack { opacity: 0.35; }
.dqnkit-cluster .worker svg { flex: 0 0 auto; }
.dqnkit-cluster .worker .crack { position: absolute; right: 12%; top: 0; pointer-events: none; }
.dqnkit-cluster .crack path { fill: none; stroke: var(--ink); stroke-width: 2; stroke-dasharray: 1; stroke-dashoffset: 1; visibility: hidden; }
.dqnkit-cluster .lost .crack path { stroke-dashoffset: 0; visibility: visible; transition: stroke-dashoffset 250ms; }
.dqnkit-cluster .ways { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.dqnkit-cluster .ways path { fill: none; stroke: var(--line); }
.dqnkit-cluster .token { position: absolute; left: 0; top: 0; width: 10px; height: 10px; pointer-events: none; offset-rotate: 0deg; }
.dqnkit-cluster .rollout { border-radius: 5px; border: 2px solid ${PALETTE.environment.color};
  background: color-mix(in srgb, ${PALETTE.environment.color} var(--fresh), var(--ground)); }
.dqnkit-cluster .weights { background: ${PALETTE["online network"].color}; }
.dqnkit-cluster .key { display: inline-block; position: static; vertical-align: -1px; }
.dqnkit-cluster .keys { margin-left: auto; }
.dqnkit-cluster .under { display: flex; justify-content: space-between; gap: 0 16px; min-height: 19px; }
.dqnkit-cluster.narrow .under { min-height: 37px; }
.dqnkit-cluster .under .soft { flex: 0 0 auto; }
.dqnkit-cluster .strips { display: flex; gap: 12px; }
.dqnkit-cluster .strips > div { flex: 3 1 0; min-width: 0; }
.dqnkit-cluster .strips > div:last-child { flex-grow: 2; }
.dqnkit-cluster th, .dqnkit-cluster td { text-align: left; padding: 0 12px 0 0; font-variant-numeric: tabular-nums; }
.dqnkit-cluster table { border-collapse: collapse; margin: 0; }
.dqnkit-cluster summary { cursor: pointer; }
@media (prefers-reduced-motion: reduce) { .dqnkit-cluster, .dqnkit-cluster * { transition: none !important; } }`;

/** What the page knows of the run. */
class Log {
  constructor(model) {
    this.model = model;
    this.until = 0;
    this.clear();
    this.arrived = new Map(); // number of a worker -> rollouts since the last drawing
    this.take(model.get("history"));
    this.take(model.get("news"));
    this.arrived.clear();
    this.hear = () => this.take(model.get("news"));
    model.on("change:news", this.hear);
  }

  clear() {
    this.points = []; // [seconds, [transitions a second by worker], share of the time that the learner works, ratio]
    this.rows = new Map(); // number -> worker
    this.losses = []; // [seconds, name]
    this.shown = [];
    this.lags = [];
    this.versions = 0;
    this.usual = [0, 0];
    this.more = this.tasks = this.note = "";
  }

  take(news) {
    if (!news || news.until === undefined) return;
    if (news.from > this.until) return this.model.send({ everything: true }); // a message was missed
    if (news.from !== 0 && news.until < this.until) return; // older than what is known
    const was = this.rows;
    if (news.from === 0) this.clear();
    if (news.from === 0 || news.until > this.until) this.points.push(...news.points);
    if (this.points.length > POINTS) this.points = this.points.filter((_, index) => index % 2 === 0);
    this.until = news.until;
    this.losses.push(...news.losses);
    for (const row of news.rows) {
      const made = row.rollouts - (was.get(row.number)?.rollouts ?? row.rollouts);
      if (made > 0) this.arrived.set(row.number, made);
      this.rows.set(row.number, { ...row, since: performance.now() - 1000 * row.ago });
    }
    const { shown, more, lags, versions, tasks, usual, note, refused } = news;
    Object.assign(this, { shown, more, lags, versions, tasks, usual, note, refused });
  }
}

/** A box of a worker: a button that kills it. `kill(row)` is called for a click. */
function workerBox(colour, kill) {
  const arc = svg("circle", { cx: 10, cy: 10, r: 8, fill: "none", stroke: colour, "stroke-width": 4, transform: "rotate(-90 10 10)" });
  const track = svg("circle", { cx: 10, cy: 10, r: 8, fill: "none", stroke: "var(--grid)", "stroke-width": 4 });
  const ring = svg("svg", { width: 20, height: 20, "aria-hidden": "true" }, track, arc);
  const crack = svg("svg", { class: "crack", width: 26, height: 34, "aria-hidden": "true" }, svg("path", { d: CRACK, pathLength: 1 }));
  const name = html("span", { class: "name" });
  const says = html("span");
  const often = html("span", { class: "soft wide" });
  const tasks = html("span", { class: "tasks", "aria-hidden": "true" });
  const box = button("", () => kill(box.row), { class: "worker", style: `--own: ${colour}` });
  box.append(ring, name, html("span", { class: "says" }, says, often), tasks, crack);

  /** Show a row; `dying`: it was clicked, and the cluster has not noticed yet. */
  box.show = (row, { dying, small, tiny, acts, usual }) => {
    box.row = row;
    const lost = dying || row.state === "lost";
    const waits = lost && row.newOne !== "" ? (performance.now() - row.since) / 1000 : 0;
    const [seconds, seen] = usual;
    box.classList.toggle("lost", lost);
    box.setAttribute("aria-disabled", !acts || lost);
    name.textContent = small ? row.name.replace("worker ", "") : row.name;
    ring.style.display = lost && row.newOne ? "" : "none";
    arc.setAttribute("stroke-dasharray", `${(RING * Math.min(1, waits / seconds)).toFixed(1)} ${RING}`);
    box.classList.toggle("tiny", tiny);
    const passed = `${waits.toFixed(0)} s`;
    const texts = small ? { starts: `${tiny ? "" : "new one: "}${passed}`, "may come": passed } : {
      starts: `a new one is starting: ${passed}`, "may come": `lost ${passed} ago; a new one may come` };
    const works = small ? tiny ? inThousands(row.rate) : shown(row.rate) : `${row.state}, ${shown(row.rate)} a second, lag ${row.lag}`;
    says.textContent = dying ? `✖ ${tiny ? "" : "killed"}` : lost ? texts[row.newOne] ?? "✖ lost" : `${ICONS[row.state]} ${works}`;
    const usually = seen ? "the last took" : "usually about";
    often.textContent = lost && !dying && row.newOne === "starts" && !small ? ` (${usually} ${seconds.toFixed(0)} s)` : "";
    const drawn = lost ? tasks.children.length : Math.min(TASKS, row.tasks); // they fade with it
    if (tasks.children.length !== drawn) tasks.replaceChildren(...Array.from({ length: drawn }, () => html("i")));
    box.title = lost ? "" : `${row.name}: ${row.rollouts.toLocaleString("en-US")} rollouts, ${row.busy} % busy, ${row.tasks} tasks in flight`;
    const spoken = lost
      ? `${row.name}, lost${{ starts: ", a new one is starting", "may come": ", a new one may come" }[row.newOne] ?? ""}`
      : `${row.name}, ${row.state}, ${shown(row.rate)} transitions a second, policy lag ${row.lag}${acts ? ": kill it" : ""}`;
    if (box.getAttribute("aria-label") !== spoken) box.setAttribute("aria-label", spoken);
  };
  return box;
}

/** A chart over the seconds of training; both axes only grow. */
function strip(name, label, top) {
  const chart = new Chart({
    x: { name: "seconds of training", low: 0, high: 30, format: shown },
    y: { name: "", low: 0, high: top, ticks: top === 100 ? [0, 50, 100] : undefined, format: inThousands },
    height: 96,
    label,
    margins: { left: 40, top: 6, bottom: 36, right: 10 },
  });
  const whole = html("div", {}, name, chart.element);
  whole.chart = chart;
  whole.grow = (seconds, value) => {
    while (chart.x.high < seconds) chart.x.high *= 2;
    if (value > chart.y.high) chart.y.high = roundUp(1.2 * value);
    chart.fit(whole.clientWidth);
  };
  return whole;
}

function inThousands(value) {
  return value >= 1000 ? `${shown(value / 1000)}k` : shown(value);
}

function render({ model, el }) {
  const look = model.get("look");
  const log = new Log(model);
  const dying = new Map(); // address -> when it was clicked
  const boxes = new Map(); // number -> box
  let width = 0;
  let versions = log.versions;

  // the parts
  const colour = (number) => look.styles[Math.min(number, look.styles.length - 1)].color;
  const visible = (number) => `color-mix(in srgb, ${colour(number)} 80%, var(--ink))`; // in the dark as well
  const rate = html("span", { class: "number" }, "0");
  const lag = html("span", { class: "number" }, "–");
  const lagUnit = html("span", { class: "unit" });
  const tag = look.simulated ? [html("span", { class: "simulated" }, "SIMULATED")] : [];
  const key = html("span", { class: "soft keys" }, html("i", { class: "token rollout key", style: "--fresh: 90%" }), " rollouts",
    html("span", { class: "wide" }, " (paler: older weights)"), "\u2003", html("i", { class: "token weights key" }), " weights");
  const head = html("div", { class: "row head" }, ...tag,
    html("span", {}, rate, html("span", { class: "unit" }, " transitions a second")),
    html("span", {}, lag, lagUnit), key);
  const workers = html("div", { class: "workers", role: "group", "aria-label": "Workers" });
  const ratio = html("div", { class: "number" }, "0");
  const ratioUnit = html("div", { class: "unit" });
  const utilised = html("div", { class: "number" }, "0 %");
  const replay = html("div", { class: "box", style: `--own: ${PALETTE.replay.color}` }, html("b", {}, "replay buffer"), ratio, ratioUnit);
  const learner = html("div", { class: "box", style: `--own: ${PALETTE["online network"].color}` }, html("b", {}, "learner"),
    utilised, html("div", { class: "unit" }, "of the time busy"));
  const driver = html("div", { class: "driver" }, html("span", { class: "soft" }, "driver: this notebook"), replay, learner);
  const ways = svg("svg", { class: "ways", "aria-hidden": "true" });
  const stage = html("div", { class: "stage" }, ways, workers, html("div", { class: "gap" }), driver);
  const note = html("span", { role: "status" });
  const more = html("span", { class: "soft" });
  const rates = strip("transitions a second, by worker", "Transitions a second by worker", 10);
  const busy = strip("learner utilisation, %", "Learner utilisation", 100);
  const table = html("div");
  const fold = html("details", { ontoggle: () => fillTable() }, ownKeys(html("summary", {}, "Table, tasks, dashboard")), table);
  const whole = html("div", { class: "dqnkit-cluster" }, head, stage, html("div", { class: "under" }, note, more),
    html("div", { class: "strips" }, rates, busy), fold);
  el.append(html("style", {}, STYLE), whole);

  function kill(row) {
    if (!model.get("acts") || row.state === "lost" || dying.has(row.address)) return;
    dying.set(row.address, performance.now());
    model.send({ kill: row.address });
    showWorkers();
  }

  /** The boxes; those that are there stay the same elements, so that the focus stays. */
  function showWorkers() {
    const acts = model.get("acts");
    const columns = Math.max(1, Math.ceil(log.shown.length / ROWS));
    for (const [number, box] of boxes) {
      if (!log.shown.includes(number)) {
        box.remove();
        boxes.delete(number);
      }
    }
    for (const [place, number] of log.shown.entries()) {
      const row = log.rows.get(number);
      if (!boxes.has(number)) boxes.set(number, workerBox(visible(number), kill));
      const box = boxes.get(number);
      if (workers.children[place] !== box) workers.insertBefore(box, workers.children[place] ?? null);
      const clicked = dying.get(row.address);
      const lives = row.address === log.refused || performance.now() - clicked > UNHEARD;
      if (row.state === "lost" || lives) dying.delete(row.address);
      const tiny = workers.clientWidth / columns < TINY;
      box.show(row, { dying: dying.has(row.address), small: columns > 1, tiny, acts, usual: log.usual });
    }
    workers.style.gridTemplateRows = `repeat(${Math.min(ROWS, Math.max(1, log.shown.length))}, 34px)`;
    workers.style.gridAutoColumns = `minmax(0, 1fr)`;
    if (!log.shown.length) workers.replaceChildren(html("span", { class: "soft waits" }, "waits for the first worker"));
    else workers.querySelector(".waits")?.remove();
    note.textContent = log.note || (acts && log.shown.length ? "Click a worker to kill it." : "");
  }

  /** The middle of a side of an element, in the stage. */
  function sideOf(element, side) {
    const box = element.getBoundingClientRect();
    const stageBox = stage.getBoundingClientRect();
    const x = { left: box.left, right: box.right, bottom: (box.left + box.right) / 2 }[side];
    return [Math.round(x - stageBox.left), Math.round((side === "bottom" ? box.bottom : (box.top + box.bottom) / 2) - stageBox.top)];
  }

  const rolloutWay = (box) => `M${sideOf(box, "right")} L${sideOf(replay, "left")}`;

  /** Weights leave the learner below, and go along the floor to the workers. */
  function weightsWay(box) {
    const [x, y] = sideOf(learner, "bottom");
    const [toX, toY] = sideOf(box, "right");
    const edge = sideOf(workers, "right")[0] + 14;
    return `M${x} ${y} V146 H${edge} V${toY + 8} H${toX}`;
  }

  function drawWays() {
    const right = Math.max(0, ...[...boxes.values()].map((box) => sideOf(box, "right")[0]));
    const last = [...boxes.values()].filter((box) => sideOf(box, "right")[0] > right - 2);
    const [x, y] = sideOf(replay, "right");
    const [toX] = sideOf(learner, "left");
    const batches = toX > x ? [svg("path", { d: `M${x + 2} ${y}H${toX - 3}m-7 -4l7 4l-7 4` })] : [];
    const blue = `stroke: color-mix(in srgb, ${PALETTE["online network"].color} 60%, var(--ground))`;
    ways.replaceChildren(...batches,
      ...last.map((box) => svg("path", { d: rolloutWay(box), "stroke-dasharray": "1 4" })),
      ...last.map((box) => svg("path", { d: weightsWay(box), style: blue })));
  }

  function travel(way, kind, delay, fresh = 100) {
    if (isCalm() || document.hidden || stage.querySelectorAll(".token").length > TRAVELLERS) return;
    const token = html("i", { class: `token ${kind}`, style: `offset-path: path("${way}"); --fresh: ${fresh}%` });
    stage.append(token);
    const motion = token.animate([{ offsetDistance: "0%" }, { offsetDistance: "100%" }], { duration: TRAVEL, delay, fill: "backwards" });
    motion.onfinish = motion.oncancel = () => token.remove();
  }

  /**
   * Let travel what has come since the last drawing: two rollouts of each worker and one version of the weights at most.
   * Of many workers it is one rollout each, one after the other, and weights for the nearest column.
   */
  function letTravel() {
    const largest = Math.max(1, ...log.lags);
    const many = boxes.size > ROWS;
    let sent = 0;
    for (const [number, count] of log.arrived) {
      const box = boxes.get(number);
      if (!box) continue;
      const fresh = Math.round(100 * (1 - Math.min(1, log.rows.get(number).lag / largest)));
      for (let index = 0; index < Math.min(many ? 1 : 2, count); index++) {
        travel(rolloutWay(box), "rollout", many ? (sent++ * APART) / 8 : index * APART, fresh);
      }
    }
    log.arrived.clear();
    if (log.versions > versions) {
      for (const box of [...boxes.values()].slice(-ROWS)) if (!box.classList.contains("lost")) travel(weightsWay(box), "weights", 0);
    }
    versions = log.versions;
  }

  function showNumbers() {
    const [, all = [], share = 0, samples = 0] = log.points.at(-1) ?? [];
    rate.textContent = Math.round(all.reduce((sum, one) => sum + one, 0)).toLocaleString("en-US");
    lag.textContent = log.lags.length ? log.lags[0].toLocaleString("en-US") : "–";
    lagUnit.textContent = log.lags.length ? ` policy lag, up to ${log.lags[1].toLocaleString("en-US")}` : " policy lag";
    ratio.textContent = shown(samples);
    const { bound } = model.get("look");
    ratioUnit.textContent = `samples per insert${bound ? `, ≤ ${shown(bound)}` : ""}`;
    utilised.textContent = `${Math.round(100 * share)} %`;
    more.textContent = log.more;
  }

  function showStrips() {
    const seconds = log.points.at(-1)?.[0] ?? 0;
    const sums = log.points.map(([, all]) => all.reduce((sum, one) => sum + one, 0));
    rates.grow(seconds, Math.max(0, ...sums));
    busy.grow(seconds, 0);
    const marks = (chart) => log.losses.map(([at]) => svg("g", {},
      svg("path", { d: `M${chart.px(at)} ${chart.margins.top}V${chart.height - chart.margins.bottom}`, stroke: "var(--ink)", "stroke-dasharray": "1 3" }),
      svg("text", { x: chart.px(at), y: 12, "text-anchor": "middle" }, "✖")));
    if (!log.points.length) {
      for (const { chart } of [rates, busy]) {
        chart.data.replaceChildren(svg("text", { x: chart.width / 2, y: 40, "text-anchor": "middle", class: "soft" }, "waits for the first rollouts"));
      }
      return;
    }
    const bands = [];
    const below = log.points.map(() => 0);
    for (const number of look.styles.keys()) {
      if (!log.points.some(([, all]) => all[number] > 0)) continue;
      const floor = log.points.map(([at], index) => [at, below[index]]).reverse();
      const edge = log.points.map(([at, all], index) => [at, (below[index] += all[number] ?? 0)]);
      const { dash } = look.styles[number];
      bands.push(svg("path", { d: rates.chart.path([...edge, ...floor]) + "Z", style: `fill: ${visible(number)}; opacity: 0.5` }),
        svg("path", { d: rates.chart.path(edge), style: `fill: none; stroke: ${visible(number)}`, "stroke-width": 1.5, "stroke-dasharray": dash }));
    }
    rates.chart.data.replaceChildren(...bands, ...marks(rates.chart));
    const share = log.points.map(([at, , part]) => [at, 100 * part]);
    busy.chart.data.replaceChildren(busy.chart.line(share, "online network"), ...marks(busy.chart));
    const said = `over ${shown(seconds)} seconds of training, workers lost: ${log.losses.length}; now`;
    rates.chart.element.setAttribute("aria-label", `Transitions a second by worker, ${said} ${shown(sums.at(-1))}`);
    busy.chart.element.setAttribute("aria-label", `Learner utilisation, ${said} ${shown(share.at(-1)[1])} %`);
  }

  function fillTable() {
    if (!fold.open) return;
    const cells = (tag, values, attributes = {}) => html("tr", {}, ...values.map((value) => html(tag, attributes, value)));
    const rows = log.shown.map((number) => log.rows.get(number)).map((row) =>
      cells("td", [row.name, `${ICONS[row.state]} ${row.state}`, row.rollouts.toLocaleString("en-US"),
        row.rate.toLocaleString("en-US"), `${row.busy} %`, row.lag, row.lost || ""]));
    const names = ["worker", "state", "rollouts", "transitions a second", "busy", "policy lag", "times lost"];
    const link = look.link ? [html("a", { href: look.link, target: "_blank", rel: "noopener" }, "Dask dashboard"), ". "] : [];
    table.replaceChildren(
      html("table", {}, html("thead", {}, cells("th", names, { scope: "col" })), html("tbody", {}, ...rows)),
      html("div", {}, html("b", {}, "Rollout tasks: "), log.tasks),
      html("div", {}, look.simulated ? `${look.sign} ` : "", ...link, html("span", { class: "soft" }, look.how)),
    );
  }

  const draw = eachFrame(el, () => {
    if (width === 0) return;
    showWorkers();
    drawWays();
    letTravel();
    showNumbers();
    showStrips();
    fillTable();
  });
  // while a new worker is awaited, its seconds go on
  const clock = setInterval(() => {
    if ([...boxes.values()].some((box) => box.classList.contains("lost"))) showWorkers();
  }, 250);
  const stop = followWidth(whole, (now) => {
    width = now;
    whole.classList.toggle("narrow", now < NARROW);
    whole.classList.toggle("medium", now >= NARROW && now < 800);
    draw();
  });
  for (const name of ["news", "acts", "over", "look"]) model.on(`change:${name}`, draw);
  return () => {
    stop();
    clearInterval(clock);
    model.off("change:news", log.hear);
    for (const name of ["news", "acts", "over", "look"]) model.off(`change:${name}`, draw);
  };
}
