// Stragglers: replicas that wait for the slowest one, or do not wait. The names are those of stragglers_view.py.

const MOST_REPLICAS = 16;

/** `count` random numbers with an exponential distribution and the mean 1: mostly small, sometimes large. */
function exponentials(count, seed) {
  const random = seeded(seed);
  return Float64Array.from({ length: count }, () => -Math.log(1 - random()));
}

/** The time of each replica in each update, in ms: for each update one array over the replicas. */
function computeTimes(draws, { mean, updates }, { replicas, spread, slow }) {
  const times = [];
  for (let update = 0; update < updates; update++) {
    const row = [];
    for (let replica = 0; replica < replicas; replica++) row.push(mean - spread + spread * draws[update * replicas + replica]);
    row[replicas - 1] *= slow;
    times.push(row);
  }
  return times;
}

/** All wait for the slowest: the spans to draw, the mean ms between two updates, the share of the time computing. */
function synchronous(times, sync, drawn) {
  const spans = [];
  let now = 0;
  for (const row of times) {
    if (now > drawn) break;
    const ready = now + Math.max(...row);
    for (const [replica, time] of row.entries()) {
      spans.push(
        { row: replica, begin: now, end: now + time, kind: "compute" },
        { row: replica, begin: now + time, end: ready, kind: "wait" },
        { row: replica, begin: ready, end: ready + sync, kind: "exchange" },
      );
    }
    now = ready + sync;
  }
  const update = meanOf(times.map((row) => Math.max(...row))) + sync;
  return { spans, update, busy: meanOf(times.map(meanOf)) / update };
}

/** Nobody waits: each replica applies its gradient at once. Arguments and results as `synchronous`. */
function asynchronous(times, sync, drawn) {
  const spans = [];
  const each = times[0].map((_, replica) => meanOf(times.map((row) => row[replica])));
  for (const replica of each.keys()) {
    let end = 0;
    for (let update = 0; update < times.length && end < drawn; update++) {
      const begin = end;
      const ready = begin + times[update][replica];
      end = ready + sync;
      spans.push({ row: replica, begin, end: ready, kind: "compute" }, { row: replica, begin: ready, end, kind: "exchange" });
    }
  }
  const update = 1 / each.reduce((sum, mean) => sum + 1 / (mean + sync), 0);
  return { spans, update, busy: meanOf(each.map((mean) => mean / (mean + sync))) };
}

function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function render({ model, el }) {
  const simulated = { mean: model.get("mean"), updates: model.get("updates") };
  const settings = { ...model.get("settings") };
  const drawn = model.get("drawn");
  const captions = model.get("captions");
  const draws = exponentials(simulated.updates * MOST_REPLICAS, model.get("seed"));

  const chart = new Chart({
    x: { name: "time (ms)", low: 0, high: drawn },
    y: { name: "", low: settings.replicas, high: 0, format: (middle) => `replica ${middle - 0.5}` },
    height: 290,
    margins: { left: 70, right: 10 },
  });
  const idle = hatching();
  const [busy, pace, age] = [largeNumber(), largeNumber(), largeNumber()];
  const caption = html("p", { class: "caption", style: "min-height: 2.8em" });
  const said = speaker();

  const draw = eachFrame(el, () => {
    const times = computeTimes(draws, simulated, settings);
    const run = (settings.waits ? synchronous : asynchronous)(times, settings.sync, drawn);
    drawSpans(run.spans);
    const old = settings.waits ? 0 : settings.replicas - 1;
    const whole = settings.waits ? "ms per update (whole batch)" : "ms per update (one share)";
    const shares = [(100 * run.busy).toFixed(0), run.update.toFixed(1)];
    busy.say(`${shares[0]} % busy`, "");
    pace.say(shares[1], whole);
    age.say(`${old}`, "updates: age of a gradient");
    caption.textContent = settings.waits ? captions[0] : captions[1];
    const summary =
      `${settings.replicas} replicas: ${shares[1]} ${whole} on average. The replicas compute ${shares[0]} % of the time. ` +
      `A gradient is about ${old} updates old.`;
    chart.element.setAttribute("aria-label", `Timeline of the replicas over ${drawn} ms. ${summary}`);
    said.say(summary);
  });

  function drawSpans(spans) {
    if (chart.y.ticks?.length !== settings.replicas) {
      chart.y.low = settings.replicas;
      chart.y.ticks = Array.from({ length: settings.replicas }, (_, row) => row + 0.5);
      chart.fit(chart.width);
    }
    const path = (kind) => barsPath(chart, spans.filter((span) => span.kind === kind));
    idle.cover(path("wait"));
    chart.data.replaceChildren(
      idle,
      svg("path", { d: path("compute"), fill: PALETTE["online network"].color }),
      svg("path", { d: path("exchange"), fill: PALETTE.loss.color }),
    );
  }

  const control = (name, setting, low, high, step, format) => {
    const changed = (value) => {
      settings[setting] = value;
      draw();
    };
    return slider({ name, low, high, step, value: settings[setting], format, changed });
  };
  const ms = (value) => `${shown(value)} ms`;
  const waits = choice("Whether replicas wait", [["synchronous: all wait", true], ["asynchronous", false]], settings.waits, (value) => {
    settings.waits = value;
    draw();
  });
  el.style.maxWidth = "820px";
  el.append(
    html("style", {}, ".dqnkit .controls { display: grid; grid-template-columns: 5fr 6fr; gap: 2px 20px; flex: 1 1 420px; }"),
    html(
      "div",
      { class: "row" },
      html(
        "div",
        { class: "controls" },
        control("replicas", "replicas", 1, MOST_REPLICAS, 1),
        control("random part", "spread", 0, 8, 0.1, ms),
        control("exchange", "sync", 0, 10, 0.1, ms),
        control("last one slower", "slow", 1, 4, 0.05, (value) => `${shown(value)} ×`),
      ),
      waits,
    ),
    html("div", { class: "row", style: "gap: 2px 24px; margin: 8px 0 4px" }, busy, pace, age),
    chart.element,
    html(
      "div",
      { class: "row" },
      key("computes", { color: PALETTE["online network"].color }),
      key("waits", { hatched: true }),
      key("exchanges gradients", { color: PALETTE.loss.color }),
    ),
    caption,
    said,
  );
  return followWidth(el, (width) => {
    chart.fit(width);
    draw();
  });
}
