// The live panel: numbers, curves, the newest policy playing, and controls. Python sends new points only; the store of
// a widget keeps them all, so that a view which opens later shows the whole run.

const ENDS = ["stopped", "interrupted", "finished", "failed"];
const ICONS = { starting: "○", "filling replay": "○", compiling: "○", running: "▶", paused: "‖" };
const MOST_POINTS = 1000;
const MOST_EPISODES = 1500;
const SECONDS_KEPT = 3; // of states that were not played yet
const PLACE_EXPECTED = 4000; // milliseconds until the output of the cell must have shown the panel
const CHART = 222; // pixels, the heights of the two charts and of the picture of the policy
const MAX_Q = 116;
const STAGE = 150;
const WIDE = 600; // from this width on there are two columns
const COMPACT = { chart: 170, knobs: 240 }; // pixels, of a board with a part below it; with knobs it must be wider
const BOARD_STYLE = `
.dqnkit-board { display: flex; flex-direction: column; gap: 5px; width: 100%; }
.dqnkit-board .head { min-height: 30px; flex-wrap: nowrap; gap: 6px 12px; }
.dqnkit-board .head > * { white-space: nowrap; }
.dqnkit-board .title { font-weight: 600; overflow: hidden; text-overflow: ellipsis; min-width: 40px; flex: 0 1 auto; }
.dqnkit-board .state { flex: none; min-width: 8em; }
.dqnkit-board .bar { flex: 1 100 60px; min-width: 40px; max-width: 420px; height: 8px; border-radius: 4px; background: var(--grid); }
.dqnkit-board .bar div { height: 100%; width: 0; border-radius: 4px; background: var(--focus); }
.dqnkit-board .done { font-variant-numeric: tabular-nums; }
.dqnkit-board .left { min-width: 5em; }
.dqnkit-board .head .note { flex: 0 1 auto; overflow: hidden; text-overflow: ellipsis; }
.dqnkit-board .act { min-width: 160px; display: flex; gap: 8px; justify-content: flex-end; margin-left: auto; }
.dqnkit-board .act.said { white-space: normal; flex: 0 1 360px; line-height: 15px; }
.dqnkit-board .act button { min-width: 76px; }
.dqnkit-board .numbers { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0 16px; }
.dqnkit-board .numbers > div { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0 10px; align-items: end; }
.dqnkit-board .numbers .name { grid-column: 1 / 3; color: var(--ink-soft); line-height: 1.2; }
.dqnkit-board .numbers .number { min-width: 2.6em; white-space: nowrap; }
.dqnkit-board .middle { display: grid; grid-template-columns: minmax(0, 1fr); gap: 6px 18px; align-items: start; }
.dqnkit-board.wide .middle.two { grid-template-columns: minmax(0, 2fr) minmax(200px, 1fr); }
.dqnkit-board .legend { display: flex; flex-wrap: wrap; gap: 0 14px; min-height: 18px; line-height: 18px; color: var(--ink-soft); }
.dqnkit-board .legend svg { display: inline-block; vertical-align: middle; margin-right: 4px; }
.dqnkit-board .fold { border: 0; background: none; padding: 0; min-height: 24px; text-align: left; }
.dqnkit-board .side { display: flex; flex-direction: column; gap: 6px; min-width: 0; }
.dqnkit-board canvas { width: 100%; height: ${STAGE}px; }
.dqnkit-board .nothing { display: grid; place-content: center; text-align: center; height: ${STAGE}px; color: var(--ink-soft); }
.dqnkit-board .score { min-height: 18px; line-height: 18px; white-space: nowrap; color: var(--ink-soft); }
.dqnkit-board .knob .slider { display: grid; grid-template-columns: 92px minmax(60px, 1fr) 52px; gap: 8px; }
.dqnkit-board .knob .slider input { width: 100%; min-width: 0; }
.dqnkit-board .knob .row { justify-content: space-between; color: var(--ink-soft); }
.dqnkit-board .knob button { padding: 0 8px; min-height: 24px; }
.dqnkit-board .foot { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 4px 18px; align-items: start; }
.dqnkit-board .foot .text { min-height: 55px; }
.dqnkit-board:not(.wide) .foot .text { min-height: 92px; }
.dqnkit-board .mark { paint-order: stroke; stroke: var(--ground); stroke-width: 3px; }
.dqnkit-board.compact .numbers { gap: 4px 16px; align-content: start; }
.dqnkit-board.compact .numbers .note { grid-column: 1 / -1; display: block; }
.dqnkit-board.compact .curves { position: relative; }
.dqnkit-board.compact .curves .fold { position: absolute; right: 0; bottom: 0; min-height: 18px; line-height: 18px; }
.dqnkit-board.compact .knobs { display: flex; flex-direction: column; gap: 4px; }
.dqnkit-board.compact.wide .middle { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.dqnkit-board.compact.wide .middle > :is(.numbers, .curves) { grid-column: 1 / 3; }
.dqnkit-board.compact.full .middle { display: flex; }
.dqnkit-board.compact.full .numbers { flex: 0 0 176px; grid-template-columns: minmax(0, 1fr); }
.dqnkit-board.compact.full .curves { flex: 3 1 0; min-width: 0; }
.dqnkit-board.compact.full .stage { flex: 0 0 max(184px, 20%); }
.dqnkit-board.compact.full .knobs { flex: 0 0 ${COMPACT.knobs - 18}px; }
.dqnkit-board [hidden] { display: none !important; }
.dqnkit-board:not(.wide) .head { flex-wrap: wrap; }
.dqnkit-board:not(.wide) .foot { grid-template-columns: minmax(0, 1fr); }
.dqnkit-away {
  position: fixed; right: 18px; bottom: 36px; z-index: 1000; width: min(680px, 94vw); max-height: 86vh; overflow: auto;
  padding: 8px 12px; background: var(--ground); border: 1px solid var(--line); border-radius: 6px;
  box-shadow: 0 2px 14px rgb(0 0 0 / 30%);
}
.dqnkit-away summary { cursor: pointer; line-height: 1.4; }
.dqnkit-away .dqnkit-board :is(.title, .foot .hint) { display: none; } /* it lies over other things, and has words of its own */
`;

// ---------------------------------------------------------------------------------------------------------- the store

const stores = new Map(); // name of a widget -> what its views share

function storeOf(model) {
  const name = model.get("name");
  if (!stores.has(name)) {
    stores.set(name, { points: [], episodes: [], frames: [], decoded: Promise.resolve(), look: undefined, views: 0, changed: new Set(), moved: () => {} });
  }
  return stores.get(name);
}

/** Every second one of many, and always the last. */
function thinned(values, most) {
  if (values.length <= most) return values;
  return values.filter((_, index) => index % 2 === 0 || index === values.length - 1);
}

/** Put a message of Python into the store. */
function take(store, message) {
  if (message.all) store.points = store.episodes = [];
  store.points = thinned(store.points.concat(message.points ?? []), MOST_POINTS);
  store.episodes = thinned(store.episodes.concat(message.episodes ?? []), MOST_EPISODES);
  if (message.look !== undefined) store.look = message.look;
  const keep = (frames) => {
    store.frames = store.frames.concat(frames).slice(-SECONDS_KEPT * (store.look?.fps ?? 50));
  };
  if (store.look?.kind === "picture") store.decoded = store.decoded.then(() => decode(message.frames ?? [])).then(keep);
  else if (message.frames) keep(message.frames);
  for (const changed of store.changed) changed();
}

/** Frames with an image that can be drawn at once in place of its JPEG file; those that cannot be read are left out. */
async function decode(frames) {
  const images = frames.map(async ([jpeg, ...words]) => {
    const image = new Image();
    image.src = `data:image/jpeg;base64,${jpeg}`;
    await image.decode();
    return [image, ...words];
  });
  return (await Promise.allSettled(images)).filter(({ value }) => value).map(({ value }) => value);
}

/** Runs once for a widget, also where no view of it is on the page. */
function initialize({ model }) {
  const store = storeOf(model);
  const heard = (message) => take(store, message);
  model.on("msg:custom", heard);
  model.send({ ask: "all" });
  const stop = keepReachable(model, store);
  return () => {
    stop();
    model.off("msg:custom", heard);
    stores.delete(model.get("name"));
  };
}

/**
 * Show the panel at the edge of the page while training runs without a place in the notebook: after the reload of a
 * page that was not saved, when the cell was run again, or its output cleared. Stop is never out of reach.
 */
function keepReachable(model, store) {
  let away = null;
  let close = () => {};
  let timer = 0;
  const end = () => {
    close();
    away?.remove();
    away = null;
  };
  const look = () => {
    if (store.views > 0 || ENDS.includes(model.get("state"))) return;
    if (away) return;
    const title = model.get("setup").title || "A cell";
    const inside = html("div");
    const heading = html("b");
    const goesOn = html("span", {}, "It goes on here: its place in the notebook is lost, as the page was not saved or the cell was run again. ",
      "A cell that waits begins when this run has ended. ");
    const note = html("div", {}, goesOn, html("code", {}, "dqnkit.widgets.panel_again()"), " in a cell shows the newest panel once more.");
    const finish = button("Close", end, { hidden: true });
    away = html("details", { open: true, class: "dqnkit dqnkit-away", role: "region", "aria-label": `${title}: live panel` },
      html("summary", {}, heading), note, inside, finish);
    document.body.append(away);
    const stopDrawing = drawBoard({ model, el: inside });
    const state = () => {
      const over = ENDS.includes(model.get("state"));
      finish.hidden = !over;
      goesOn.hidden = over;
      heading.textContent = over ? `${title} has ended` : `${title} runs without a place in the notebook`;
    };
    model.on("change:state", state);
    state();
    close = () => {
      stopDrawing();
      model.off("change:state", state);
    };
  };
  store.moved = () => {
    clearTimeout(timer);
    if (store.views > 0) end();
    else timer = setTimeout(look, 600);
  };
  timer = setTimeout(look, PLACE_EXPECTED);
  return () => {
    clearTimeout(timer);
    end();
  };
}

function render({ model, el }) {
  const store = storeOf(model);
  store.views += 1;
  store.moved();
  const stop = drawBoard({ model, el });
  return () => {
    store.views -= 1;
    store.moved();
    stop();
  };
}

// ----------------------------------------------------------------------------------------------------------- the board

function drawBoard({ model, el }) {
  const store = storeOf(model);
  const setup = model.get("setup");
  const root = html("div", { class: "dqnkit-board wide" });
  el.append(html("style", {}, BOARD_STYLE), root);
  const stops = [];
  const on = (name, called) => {
    model.on(name, called);
    stops.push(() => model.off(name, called));
  };
  const said = speaker();
  const head = header({ model, setup, on });
  const large = numbers({ model, setup, store });
  const charts = setup.chart ? curves({ model, setup, store }) : picture({ model, on });
  const stage = setup.chart && play({ store, el: root });
  if (stage) stops.push(stage.stop);
  const knobs = setup.knobs.map((knob, index) => knobOf({ model, knob, index, on }));
  const foot = footer({ model, setup, on });
  const middle = html("div", { class: "middle" });
  if (setup.compact) {
    // a cluster stands below it: all in one row
    large.element.append(head.note);
    middle.append(large.element, charts.element, ...(stage ? [stage.element] : []));
    if (knobs.length) middle.append(html("div", { class: "knobs" }, ...knobs));
    root.append(head.element, middle, foot.element, said);
  } else {
    const side = html("div", { class: "side" }, ...(stage ? [stage.element] : []), ...knobs);
    middle.append(charts.element);
    if (side.children.length) middle.append(side);
    middle.classList.toggle("two", side.children.length > 0);
    root.append(head.element, large.element, middle, foot.element, said);
  }
  root.classList.toggle("compact", setup.compact);

  const draw = eachFrame(root, () => {
    for (const part of [charts, head, large, foot]) part.draw();
    said.say(model.get("now").summary ?? "");
  });
  store.changed.add(draw);
  on("change:now", draw);
  stops.push(() => store.changed.delete(draw));
  stops.push(followWidth(el, (width) => {
    root.classList.toggle("wide", width >= WIDE);
    root.classList.toggle("full", width >= WIDE + (knobs.length ? COMPACT.knobs : 0));
    draw();
  }));
  const end = () => {
    const final = model.get("final");
    if (!final) return;
    for (const stop of stops.splice(0)) stop();
    root.innerHTML = final;
  };
  on("change:final", end);
  on("comm_live_update", () =>
    setTimeout(() => {
      if (!el.closest(".jupyter-widgets-disconnected") || ENDS.includes(model.get("state"))) return;
      head.lose();
      for (const control of root.querySelectorAll("button, input")) control.disabled = true;
    }),
  );
  end();
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}

function header({ model, setup, on }) {
  const state = html("b", { class: "state" });
  const done = html("span", { class: "done" });
  const left = html("span", { class: "left" });
  const note = html("div", { class: "note" });
  const filled = html("div");
  const bar = html("div", { class: "bar", role: "progressbar", "aria-label": "progress", "aria-valuemin": 0, "aria-valuemax": 100 }, filled);
  const pause = button("Pause", () => model.send({ paused: model.get("state") !== "paused" }), { disabled: true });
  const stop = button("Stop", () => model.send({ stopped: true }), { disabled: true });
  const act = html("div", { class: "act" }, pause, stop);
  const title = html("span", { class: "title" }, setup.title);
  const element = html("div", { class: "row head" }, title, state, bar, done, left, ...(setup.compact ? [] : [note]), act);
  let lost = false; // the kernel
  const draw = () => {
    const name = model.get("state");
    const now = model.get("now");
    for (const part of [bar, left]) part.hidden = lost || !setup.counts;
    done.hidden = lost;
    if (lost) return state.replaceChildren("■ the kernel has ended: run the cell again"); // which needs the room
    const icon = html("span", { "aria-hidden": "true" }, `${ICONS[name] ?? "■"} `);
    state.replaceChildren(icon, name);
    pause.textContent = name === "paused" ? "Resume" : "Pause";
    done.textContent = now.done ?? "";
    left.textContent = now.left ?? "";
    note.textContent = now.note ?? "";
    const percent = Math.floor(100 * (now.progress ?? 0));
    filled.style.width = `${percent}%`;
    bar.setAttribute("aria-valuenow", percent);
    bar.setAttribute("aria-valuetext", now.done || `${percent} %`);
  };
  const controls = () => {
    const how = model.get("controls");
    pause.disabled = stop.disabled = how !== "on";
    act.classList.toggle("said", how === "off");
    if (how === "off") act.textContent = setup.instead;
    else if (!stop.isConnected || stop.parentElement !== act) act.replaceChildren(pause, stop);
  };
  on("change:state", draw);
  on("change:controls", controls);
  draw();
  controls();
  const lose = () => {
    lost = true;
    draw();
  };
  return { element, draw, note, lose };
}

/** The numbers that matter, each with its course as a small curve. */
function numbers({ model, setup, store }) {
  const cells = setup.numbers.map(({ name, quantity }) => {
    const value = html("span", {}, "–");
    const unit = html("span", { class: "unit" });
    const spark = svg("svg", { height: 28, width: "100%", "aria-hidden": "true" });
    const [named, numbered] = setup.compact ? [[name, " ", unit], [value]] : [[name], [value, " ", unit]];
    const element = html("div", {}, html("span", { class: "name" }, ...named), html("span", { class: "number" }, ...numbered), spark);
    return { element, value, unit, spark, quantity };
  });
  const draw = () => {
    for (const [index, cell] of cells.entries()) {
      const now = model.get("now").numbers?.[index];
      cell.value.textContent = now?.value ?? "–";
      cell.unit.textContent = now?.unit && setup.compact ? `(${now.unit})` : now?.unit ?? "";
      sparkline(cell.spark, cell.quantity, store.points.map((point) => [point[0], point[index + 1]]));
    }
  };
  return { element: html("div", { class: "numbers" }, ...cells.map((cell) => cell.element)), draw };
}

function sparkline(element, quantity, points) {
  const width = Math.min(110, element.clientWidth);
  const known = points.filter(([, y]) => Number.isFinite(y));
  if (known.length < 2 || width < 40) return element.replaceChildren();
  const [low, high] = extent(known.map(([, y]) => y));
  const size = high - low || 1;
  const end = known.at(-1)[0] - known[0][0] || 1;
  const at = ([x, y]) => `${(2 + ((x - known[0][0]) / end) * (width - 4)).toFixed(1)} ${(25 - ((y - low) / size) * 22).toFixed(1)}`;
  const { color, dash } = PALETTE[quantity];
  const style = { fill: "none", stroke: color, "stroke-width": 2, "stroke-dasharray": dash };
  element.replaceChildren(svg("path", { d: `M${known.map(at).join("L")}`, ...style }));
}

function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Round ends of an axis that has 0 and all values; they change seldom. */
function roundEnds(values) {
  const [low, high] = extent(values);
  const top = roundUp(Math.max(0, high));
  const bottom = -roundUp(Math.max(0, -low));
  return top === bottom ? [0, 1] : [bottom, top];
}

// Values that explode: equal distances for powers of ten, on both sides of 0, and true distances from -1 to 1.
const squeeze = (value) => Math.sign(value) * Math.log10(1 + Math.abs(value));
const stretched = (place) => {
  const size = Math.round(Math.abs(place));
  return size === 0 ? "0" : `${place < 0 ? "−" : ""}${size > 4 ? `1e${size}` : (10 ** size).toLocaleString("en-US")}`;
};

/**
 * The return over steps, and below it max Q against what can be earned, which folds away. On a compact board one of the
 * two is seen, and a button changes to the other.
 */
function curves({ model, setup, store }) {
  const { band, predicted, bound } = setup.chart;
  const { compact } = setup;
  const [tall, low] = compact ? [COMPACT.chart, COMPACT.chart] : [CHART, MAX_Q];
  const steps = () => ({ name: "environment steps", low: 0, high: 1 });
  const returns = new Chart({ x: steps(), y: { name: "return", low: 0, high: 1 }, height: tall, label: "Return over environment steps" });
  const maxQ = new Chart({
    x: compact ? steps() : { ...steps(), name: "", format: () => "" },
    y: { name: "max Q", low: 0, high: 1 },
    height: low,
    label: "Mean max Q over environment steps",
    margins: compact ? {} : { bottom: 12 },
  });
  let open = !compact; // max Q is seen
  const fold = button("", () => {
    open = !open;
    draw();
  }, { class: "fold" });
  const legend = html("div", { class: "legend" });
  const against = html("div", { class: "legend", hidden: true });
  const holder = html("div", {}, returns.element);
  const element = html("div", { class: "curves" }, legend, holder, against, ...(compact ? [maxQ.element, fold] : [fold, maxQ.element]));

  function draw() {
    const now = model.get("now");
    const width = element.clientWidth;
    if (!width) return;
    const total = now.total || 1;
    maxQ.element.style.display = open ? "" : "none";
    holder.hidden = legend.hidden = compact && open;
    against.hidden = !holder.hidden;
    if (!compact) returns.height = open ? tall : tall + low;
    holder.style.height = `${returns.height}px`;
    returns.element.setAttribute("height", returns.height);
    drawReturns(total, width, now);
    const explodes = drawMaxQ(total, width, now);
    const most = bound === null ? "" : `the most that can be earned, ${shown(bound, 4)}`;
    const stretches = explodes ? "it explodes, so the axis is logarithmic" : "";
    if (compact) {
      against.textContent = stretches || (most && `dotted: ${most}`);
      fold.textContent = open ? "▸ return" : "▸ max Q";
      fold.setAttribute("aria-label", `Show ${open ? "the return" : "max Q"}`);
    } else {
      fold.textContent = `${open ? "▾" : "▸"} max Q${most && ` against ${most} (dotted)`}${stretches && `: ${stretches}`}`;
      fold.setAttribute("aria-expanded", open);
    }
  }

  function drawReturns(total, width, now) {
    const lines = store.points.map((point) => [point[0], point[1]]);
    const references = [...(band ? [...band.low, ...band.high] : []), ...(predicted ?? []).map((point) => point[1])];
    const [low, high] = roundEnds([...references, ...lines.map((p) => p[1]), ...store.episodes.map((p) => p[1])].map(Number));
    Object.assign(returns.x, { high: total });
    Object.assign(returns.y, { low, high });
    returns.fit(width);
    const drawn = [];
    if (band) drawn.push(...bandOf(returns, band, now.changed));
    drawn.push(returns.dots(store.episodes, "environment", 2, { opacity: 0.6 }));
    drawn.push(returns.line(lines, "environment"));
    if (predicted) drawn.push(returns.line(predicted.map(([share, y]) => [share * total, y ?? NaN]), "reference", { style: "stroke: var(--ink)", "stroke-dasharray": "8 5" }));
    drawn.push(...marksOf(returns, now.marks ?? [], true));
    if (!store.points.length) drawn.push(waiting(returns, "the first episodes appear here"));
    returns.data.replaceChildren(...drawn);
    returns.element.setAttribute("aria-label", now.alt ?? "Return over environment steps");
    const bandName = band && `${band.label}${now.changed ? " (with other settings)" : ""}`;
    const entries = [["an episode", "dot"], ["mean of the last 100", "line"], band && [bandName, "band"], predicted && ["your prediction", "predicted"]];
    const names = entries.filter(Boolean);
    const key = JSON.stringify(names);
    if (legend.dataset.key !== key) {
      legend.dataset.key = key;
      legend.replaceChildren(...names.map(([name, what]) => html("span", {}, swatch(what), name)));
    }
  }

  function drawMaxQ(total, width, now) {
    const points = store.points.map((point) => [point[0], point[2] ?? NaN]);
    const [least, most] = extent(points.map((point) => point[1]));
    const explodes = Math.max(Math.abs(least), Math.abs(most)) > 10 * Math.max(1, Math.abs(bound ?? now.usual ?? 1)) && points.length > 0 && Number.isFinite(most);
    const to = explodes ? squeeze : (value) => value;
    const values = [...points.map((point) => to(point[1])), ...(bound === null ? [] : [to(bound)])];
    const [low, high] = explodes ? [Math.floor(Math.min(0, extent(values)[0])), Math.ceil(extent(values)[1])] : roundEnds(values);
    Object.assign(maxQ.x, { high: total });
    const every = Math.max(1, Math.ceil((high - low) / 4));
    const ticks = explodes ? Array.from({ length: high - low + 1 }, (_, n) => low + n).filter((n) => n % every === 0) : undefined;
    Object.assign(maxQ.y, { low, high, ticks, format: explodes ? stretched : undefined });
    maxQ.fit(width);
    const drawn = [];
    if (bound !== null) drawn.push(maxQ.line([[0, to(bound)], [total, to(bound)]], "reference"));
    drawn.push(maxQ.line(points.map(([x, y]) => [x, to(y)]), "online network"));
    drawn.push(...marksOf(maxQ, now.marks ?? [], false));
    if (!Number.isFinite(most)) drawn.push(waiting(maxQ, "the learner's first values appear here"));
    maxQ.data.replaceChildren(...drawn);
    return explodes;
  }
  return { element, draw };
}

function waiting(chart, words) {
  const [x, y] = [chart.margins.left + chart.plotWidth / 2, chart.margins.top + chart.plotHeight / 2];
  return svg("text", { x, y, "text-anchor": "middle", class: "soft mark" }, words);
}

/** The recorded runs; faded where the reader has changed a setting, for then they are another experiment. */
function bandOf(chart, band, faded) {
  const { color } = PALETTE.environment;
  const above = band.steps.map((step, n) => [step, band.high[n]]);
  const below = band.steps.map((step, n) => [step, band.low[n]]).reverse();
  const middle = band.steps.map((step, n) => [step, band.middle[n]]);
  return [
    svg("path", { class: "band", d: chart.path([...above, ...below]), fill: color, opacity: faded ? 0.07 : 0.18 }),
    svg("path", { d: chart.path(middle), fill: "none", stroke: color, opacity: faded ? 0.2 : 0.55 }),
  ];
}

/** A line where a slider moved; the names take turns in four rows, so that they do not overlap. */
function marksOf(chart, marks, named) {
  const drawn = [];
  for (const [number, [step, words]] of marks.entries()) {
    const x = chart.px(step);
    const late = step > 0.7 * chart.x.high;
    const y = chart.margins.top + 11 + 14 * (number % 4);
    drawn.push(svg("path", { d: `M${x} ${chart.margins.top}V${chart.margins.top + chart.plotHeight}`, stroke: "var(--ink-soft)" }));
    if (named) drawn.push(svg("text", { x: late ? x - 4 : x + 4, y, "text-anchor": late ? "end" : "start", class: "mark" }, words));
  }
  return drawn;
}

function swatch(what) {
  const { color } = PALETTE.environment;
  const drawn = {
    dot: svg("circle", { cx: 11, cy: 6, r: 3, fill: color, opacity: 0.6 }),
    line: svg("path", { d: "M0 6H22", stroke: color, "stroke-width": 2 }),
    band: svg("rect", { width: 22, height: 12, fill: color, opacity: 0.25 }),
    predicted: svg("path", { d: "M0 6H22", stroke: "var(--ink)", "stroke-width": 2, "stroke-dasharray": "8 5" }),
  };
  return svg("svg", { width: 22, height: 12, "aria-hidden": "true" }, drawn[what]);
}

/** The picture of a generator that draws itself in Python. */
function picture({ model, on }) {
  const element = html("div", { class: "picture" });
  const draw = () => {
    const next = html("template");
    next.innerHTML = model.get("image");
    const [old, now] = [element, next.content].map((where) => where.querySelectorAll("img"));
    if (old.length === 1 && now.length === 1) {
      // the element stays, so that the page does not blink while the next picture is decoded
      for (const name of ["src", "alt", "style"]) old[0].setAttribute(name, now[0].getAttribute(name) ?? "");
      const [oldWords, words] = [element, next.content].map((where) => where.querySelector("figcaption"));
      if (oldWords && words) oldWords.replaceChildren(...words.childNodes);
    } else {
      element.replaceChildren(next.content);
    }
  };
  on("change:image", draw);
  draw();
  return { element, draw: () => {} };
}

function knobOf({ model, knob, index, on }) {
  const tell = paced((value) => model.send({ knob: index, value }));
  const step = knob.whole ? 1 : knob.step;
  const format = (value) => (knob.whole ? String(Math.round(value)) : knob.log ? value.toExponential(1).replace("e-", "e−").replace("e+", "e") : shown(value));
  const control = slider({ name: knob.name, low: knob.low, high: knob.high, step, value: knob.value, log: knob.log, format, changed: tell });
  const note = html("span");
  const reset = button("Reset", () => model.send({ knob: index, value: null }), { "aria-label": `Reset ${knob.name}` });
  const element = html("div", { class: "knob" }, control, html("div", { class: "row" }, note, reset));
  const draw = () => {
    const set = model.get("settings")[index];
    const off = model.get("controls") !== "on";
    control.input.disabled = reset.disabled = off;
    if (!set) return;
    note.textContent = set.note;
    // what the reader chose last is on its way, and a value that is shown as this one stays where the hand left it
    if (!tell.waits() && format(control.get()) !== format(set.value)) control.set(set.value);
  };
  on("change:settings", draw);
  on("change:controls", draw);
  draw();
  return element;
}

function footer({ model, setup, on }) {
  const hint = html("div", { class: "text hint" });
  const details = html("div", { class: "text", hidden: true });
  let open = false;
  const fold = button(`▸ ${setup.fold}`, () => {
    open = !open;
    fold.setAttribute("aria-expanded", open);
    fold.textContent = `${open ? "▾" : "▸"} ${setup.fold}`;
    hint.hidden = open;
    details.hidden = !open;
  }, { class: "fold", "aria-expanded": "false", hidden: !setup.fold });
  const element = html("div", { class: "foot" }, html("div", {}, hint, details), fold);
  const draw = () => {
    const now = model.get("now");
    hint.textContent = now.hint ?? "";
    if (open) details.innerHTML = now.details ?? "";
  };
  fold.addEventListener("click", draw);
  return { element, draw };
}

// ------------------------------------------------------------------------------------------------- the policy that plays

/** A picture of the newest policy: states that came from Python, at the pace of the environment. */
function play({ store, el }) {
  const canvas = html("canvas", { role: "img", "aria-label": "The newest policy plays an episode, greedily" });
  const note = html("div", { class: "nothing" }, "waits for training to begin");
  const words = html("div", { class: "score" });
  const pen = canvas.getContext("2d");
  let due = 0;
  let frame = null;
  let place = null; // where a thing is drawn that moves from square to square
  const draw = () => {
    const [width, height] = [canvas.clientWidth, STAGE];
    const ratio = window.devicePixelRatio || 1;
    if (!width || !frame) return;
    if (canvas.width !== Math.round(width * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const ink = (name) => style.getPropertyValue(name).trim() || style.color;
    place = STAGES[store.look.kind]?.(pen, { width, height, look: store.look, state: frame[0], ink, place, fresh: frame.fresh }) ?? null;
    el.dispatchEvent(new CustomEvent("dqnkit-drawn", { bubbles: true }));
  };
  const say = () => {
    const nothing = store.look?.kind === "words" || !frame;
    if (store.look?.kind === "words" && note.textContent !== store.look.words) note.textContent = store.look.words;
    note.hidden = !nothing;
    canvas.hidden = nothing;
    words.textContent = nothing ? "" : `greedy: episode ${frame[1]}, return ${shown(frame[2])}`;
  };
  say();
  const stopAnimation = animate((seconds) => {
    if (store.look?.kind === "words") say();
    if (!(store.look?.kind in STAGES) || document.hidden || !store.frames.length) return;
    const { fps } = store.look;
    // states come in batches a few times a second: play a little faster or slower, so that there are always some
    const hurry = Math.min(2, Math.max(0.7, store.frames.length / (0.35 * fps)));
    due += Math.min(0.25, seconds) * fps * hurry;
    const count = isCalm() ? store.frames.length : Math.floor(due);
    if (!count && store.look.kind !== "room") return;
    due -= Math.floor(due);
    const taken = store.frames.splice(0, count);
    if (taken.length) {
      const next = taken.at(-1);
      next.fresh = !frame || frame[1] !== next[1] || isCalm();
      frame = next;
      say();
    }
    draw();
  });
  const stopFollowing = followWidth(canvas, draw);
  const stopTheme = followTheme(draw);
  return {
    element: html("div", { class: "stage" }, html("div", { class: "score" }, "the newest policy plays"), canvas, note, words),
    stop: () => {
      stopAnimation();
      stopFollowing();
      stopTheme();
    },
  };
}

const STAGES = {
  /** A cart on a rail, from -x to x, and its pole. */
  cartpole(pen, { width, height, look, state: [x, angle], ink }) {
    const floor = height - 34;
    const scale = (width - 40) / (2 * look.width);
    const at = width / 2 + x * scale;
    pen.strokeStyle = ink("--line");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(20, floor + 12);
    pen.lineTo(width - 20, floor + 12);
    for (const end of [20, width - 20]) {
      pen.moveTo(end, floor + 4);
      pen.lineTo(end, floor + 20);
    }
    pen.stroke();
    pen.fillStyle = ink("--ink");
    pen.fillRect(at - 20, floor - 8, 40, 16);
    pen.strokeStyle = PALETTE.environment.color;
    pen.lineWidth = 7;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(at, floor - 8);
    pen.lineTo(at + 84 * Math.sin(angle), floor - 8 - 84 * Math.cos(angle));
    pen.stroke();
  },

  /** Squares with goals; what moves slides from square to square. */
  room(pen, { width, height, look, state, ink, place, fresh }) {
    const { rows, columns } = look;
    const side = Math.min((width - 8) / columns, (height - 8) / rows);
    const [left, top] = [(width - side * columns) / 2, (height - side * rows) / 2];
    pen.strokeStyle = ink("--line");
    pen.lineWidth = 1;
    for (const [row, column, reward] of look.goals) {
      pen.fillStyle = (reward > 0 ? PALETTE.environment : PALETTE["target network"]).color;
      pen.fillRect(left + column * side, top + row * side, side, side);
    }
    for (let square = 0; square < rows * columns; square++) {
      pen.strokeRect(left + (square % columns) * side + 0.5, top + Math.floor(square / columns) * side + 0.5, side, side);
    }
    const goal = [state % columns, Math.floor(state / columns)];
    const now = fresh || !place ? goal : place.map((from, axis) => from + 0.25 * (goal[axis] - from));
    pen.fillStyle = PALETTE["online network"].color;
    pen.beginPath();
    pen.arc(left + (now[0] + 0.5) * side, top + (now[1] + 0.5) * side, 0.3 * side, 0, 2 * Math.PI);
    pen.fill();
    return now;
  },

  /** What the environment itself has drawn. */
  picture(pen, { width, height, state: image }) {
    const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
    const [wide, high] = [scale * image.naturalWidth, scale * image.naturalHeight];
    pen.drawImage(image, (width - wide) / 2, (height - high) / 2, wide, high);
  },

  /** A board: a letter for what is on each square, row by row. */
  board(pen, { width, height, look, state, ink }) {
    const { rows, columns } = look;
    const side = Math.floor(Math.min((width - 4) / columns, (height - 4) / rows));
    const [left, top] = [Math.floor((width - side * columns) / 2), Math.floor((height - side * rows) / 2)];
    const colors = ["online network", "environment", "target network", "loss", "exploration", "replay"].map((name) => PALETTE[name].color);
    pen.fillStyle = ink("--grid");
    pen.fillRect(left, top, side * columns, side * rows);
    for (let square = 0; square < state.length; square++) {
      if (state[square] === ".") continue;
      const [x, y] = [left + (square % columns) * side, top + Math.floor(square / columns) * side];
      const facing = ">v<^".indexOf(state[square]); // an agent that looks to one side
      if (facing >= 0) {
        pen.fillStyle = colors[0];
        pen.save();
        pen.translate(x + side / 2, y + side / 2);
        pen.rotate((facing * Math.PI) / 2);
        pen.fill(new Path2D(`M${0.38 * side} 0L${-0.3 * side} ${-0.32 * side}V${0.32 * side}Z`));
        pen.restore();
        continue;
      }
      pen.fillStyle = state[square] === "#" ? ink("--line") : colors[(state.charCodeAt(square) - 97) % colors.length];
      pen.fillRect(x + 1, y + 1, side - 2, side - 2);
    }
  },

  /** Lanes from above, and the cars near the policy's own, which comes first. */
  road(pen, { width, height, look, state, ink }) {
    const { lanes, ahead, behind } = look;
    const lane = Math.min(30, (height - 8) / lanes);
    const top = (height - lanes * lane) / 2;
    const scale = width / (ahead + behind);
    pen.strokeStyle = ink("--line");
    pen.lineWidth = 1;
    for (let edge = 0; edge <= lanes; edge++) {
      pen.setLineDash(edge % lanes ? [8, 8] : []);
      pen.beginPath();
      pen.moveTo(0, top + edge * lane);
      pen.lineTo(width, top + edge * lane);
      pen.stroke();
    }
    pen.setLineDash([]);
    for (const [number, [metres, across, crashed]] of state.entries()) {
      const color = crashed ? "target network" : number ? null : "online network";
      pen.fillStyle = color ? PALETTE[color].color : ink("--ink-soft");
      pen.fillRect((behind + metres - 2.5) * scale, top + (across + 0.25) * lane, 5 * scale, 0.5 * lane);
    }
  },
};
