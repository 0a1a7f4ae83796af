// Amdahl's law: who works when, beside the speedup over the number of workers. The point on the curve can be dragged.

const MOST_WORKERS = 16;

/** As `with_barrier` in amdahl_view.py: [{row, begin, end}] in seconds; row 0 is the driver, the others the workers. */
function withBarrier({ rollout, rollouts }, workers, driver) {
  const work = [];
  let now = 0;
  for (let left = rollouts; left > 0; ) {
    const round = Math.min(workers, left);
    for (let row = 1; row <= round; row++) work.push({ row, begin: now, end: now + rollout });
    now += rollout;
    work.push({ row: 0, begin: now, end: now + driver * round });
    now += driver * round;
    left -= round;
  }
  return work;
}

/** As `with_stream` in amdahl_view.py: the driver takes rollouts as they arrive, and the workers go on. */
function withStream({ rollout, rollouts }, workers, driver) {
  const work = [];
  const arrivals = []; // of the rollouts that are under way: {row, time}
  let driverFree = 0;
  let submitted = 0;
  const submit = (row, begin) => {
    work.push({ row, begin, end: begin + rollout });
    arrivals.push({ row, time: begin + rollout });
    submitted += 1;
  };
  for (let row = 1; row <= Math.min(workers, rollouts); row++) submit(row, 0);
  while (arrivals.length) {
    arrivals.sort((a, b) => a.time - b.time || a.row - b.row);
    const { row, time } = arrivals.shift();
    const taken = Math.max(time, driverFree);
    // two tasks for each worker are in flight, so it starts the next one at once
    if (submitted < rollouts) submit(row, Math.max(time, taken - rollout));
    driverFree = taken + driver;
    work.push({ row: 0, begin: taken, end: driverFree });
  }
  return work;
}

/** How many times as fast this work is as one worker with a barrier. */
function speedupOf({ rollout, rollouts }, work, driver) {
  return (rollouts * (rollout + driver)) / Math.max(...work.map(({ end }) => end));
}

function render({ model, el }) {
  const job = { rollout: model.get("rollout"), rollouts: model.get("rollouts") };
  let workers = model.get("workers");
  let driver = model.get("driver") / 1000; // seconds for a rollout
  let streams = false;

  const time = new Chart({
    x: { name: "", low: 0, high: model.get("drawn") },
    y: { name: "", low: workers + 1, high: 0, format: (middle) => nameOf(middle - 0.5) },
    height: 250,
    margins: { left: 66, right: 8 },
  });
  const curve = new Chart({
    x: { name: "workers", low: 0, high: MOST_WORKERS, ticks: [1, 4, 8, 12, 16] },
    y: { name: "speedup (times one worker)", low: 0, high: MOST_WORKERS, ticks: [0, 4, 8, 12, 16] },
    height: 250,
    margins: { left: 40 },
  });
  const [curves, point] = [svg("g"), svg("g")];
  curve.data.append(curves, point);
  curve.element.style.cursor = "ew-resize";
  const speedup = largeNumber();
  const limit = html("div", { class: "unit" });
  const idle = hatching();
  const said = speaker();
  const amdahlKey = key("", { line: "target network" });
  const amdahlName = amdahlKey.lastChild;

  /** The rows from the top: the workers, then the driver. With many, only some have their name. */
  const nameOf = (row) => (row < workers ? (workers > 8 && row > 0 && row < workers - 1 ? "" : `worker ${row + 1}`) : "driver");
  const rowOf = ({ row }) => (row ? row - 1 : workers);

  const isNew = (...state) => state.some((value, index) => value !== drawn[index]);
  let drawn = []; // [workers, driver, streams, widths of both charts] of what is on the page

  const draw = eachFrame(el, () => {
    if (!isNew(workers, driver, streams, time.width, curve.width)) return;
    const make = streams ? withStream : withBarrier;
    const work = make(job, workers, driver);
    const times = speedupOf(job, work, driver);
    const serial = driver / (driver + job.rollout);
    drawTime(work);
    if (isNew(drawn[0], driver, streams, drawn[3], curve.width)) drawCurves(make, serial);
    drawPoint(times);
    drawn = [workers, driver, streams, time.width, curve.width];
    amdahlName.textContent = `Amdahl, serial share ${(100 * serial).toFixed(0)} %`;
    speedup.say(`${times.toFixed(1)} ×`, "as fast as one worker with a barrier");
    limit.textContent = `however many workers: ${limitOf(serial)}`;
    const summary =
      `${workers} workers, serial share ${(100 * serial).toFixed(0)} %: ${times.toFixed(1)} times as fast as one worker ` +
      `with a barrier; however many workers, ${limitOf(serial)}.`;
    time.element.setAttribute("aria-label", `Who works when, and who waits. ${summary}`);
    curve.element.setAttribute("aria-label", `Speedup over workers. ${summary}`);
    said.say(summary);
  });

  function limitOf(serial) {
    if (!driver) return "no limit";
    if (streams) return `at most ${(1 / driver).toFixed(0)} rollouts a second`;
    return `at most ${(1 / serial).toFixed(1)} times`;
  }

  function drawTime(work) {
    const end = Math.max(...work.map((piece) => piece.end));
    time.x.name = `seconds (the first ${time.x.high} of ${end.toFixed(2)})`;
    time.y.low = workers + 1;
    time.y.ticks = Array.from({ length: workers + 1 }, (_, row) => row + 0.5);
    time.fit(time.width);
    const rows = time.y.ticks.map((middle) => ({ row: middle - 0.5, begin: 0, end }));
    const of = (isDriver) => work.filter(({ row }) => !row === isDriver).map((piece) => ({ ...piece, row: rowOf(piece) }));
    const bars = (isDriver, quantity) => {
      return svg("path", { d: barsPath(time, of(isDriver)), class: "bar", fill: PALETTE[quantity].color });
    };
    idle.cover(barsPath(time, rows));
    time.data.replaceChildren(idle, bars(false, "environment"), bars(true, "online network"));
  }

  function drawCurves(make, serial) {
    const numbers = Array.from({ length: MOST_WORKERS }, (_, index) => index + 1);
    const fine = Array.from({ length: 91 }, (_, index) => 1 + index / 6);
    const jobs = numbers.map((number) => [number, speedupOf(job, make(job, number, driver), driver)]);
    curves.replaceChildren(
      curve.line([[1, 1], [MOST_WORKERS, MOST_WORKERS]], "reference"),
      curve.line(fine.map((number) => [number, 1 / (serial + (1 - serial) / number)]), "target network"),
      curve.dots(jobs, "environment", 3),
    );
  }

  function drawPoint(times) {
    const [x, y] = [curve.px(workers), curve.py(times)];
    point.replaceChildren(
      svg("path", { class: "grid", d: `M${x} ${y}V${curve.py(0)}` }),
      svg("circle", { class: "handle", cx: x, cy: y, r: 9, fill: PALETTE.environment.color }),
    );
  }

  const workersSlider = slider({
    name: "workers", low: 1, high: MOST_WORKERS, step: 1, value: workers,
    changed: (value) => {
      workers = value;
      draw();
    },
  });
  const driverSlider = slider({
    name: "driver, a rollout", low: 0, high: 100, step: 5, value: 1000 * driver, format: (value) => `${value} ms`,
    changed: (value) => {
      driver = value / 1000;
      draw();
    },
  });
  const ways = choice("How the rollouts are taken", [["barrier", false], ["stream", true]], streams, (value) => {
    streams = value;
    draw();
  });
  dragged(curve.element, (event) => {
    workers = Math.min(MOST_WORKERS, Math.max(1, Math.round(curve.at(event)[0])));
    workersSlider.set(workers);
    draw();
  });

  const timeSide = html("div", { style: "flex: 3 1 380px" }, time.element);
  const curveSide = html("div", { style: "flex: 2 1 280px" }, curve.element);
  el.style.maxWidth = "940px";
  el.append(
    html("style", {}, ".dqnkit .bar, .dqnkit .handle { stroke: var(--ground); } .dqnkit .handle { stroke-width: 2; }"),
    html("div", { class: "row" }, workersSlider, driverSlider, ways),
    html("div", { class: "row", style: "align-items: baseline; margin: 6px 0" }, speedup, limit),
    html("div", { class: "sides" }, timeSide, curveSide),
    html(
      "div",
      { class: "row" },
      key("worker", { color: PALETTE.environment.color }),
      key("driver", { color: PALETTE["online network"].color }),
      key("waits", { hatched: true }),
      key("ideal: n workers, n times", { line: "reference" }),
      amdahlKey,
      key("this job: drag the large dot", { dot: PALETTE.environment.color }),
    ),
    html("p", { class: "caption" }, model.get("caption")),
    said,
  );
  const stops = [
    followWidth(timeSide, (width) => {
      time.fit(width);
      draw();
    }),
    followWidth(curveSide, (width) => {
      curve.fit(width);
      draw();
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
