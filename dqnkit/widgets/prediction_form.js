// The form of a prediction: choose, type or draw an answer, then Commit. Python judges an answer and keeps it. The line
// that was drawn, and what happened over it, need no kernel: they are data on the page.

const POINTS = 41; // of a drawn line, at equal distances over the run
const BETWEEN = 10; // points from one handle to the next; there are five handles, for the keys
const GRABBED = 14; // pixels: so near to a handle the pointer moves it, farther away it draws
const DASHES = "7 5"; // of what was predicted, here and in the picture where no script runs
const CSS = `
.dqnkit-prediction { border-left: 4px solid ${PALETTE.replay.color}; background: rgba(128, 128, 128, 0.1);
  padding: 0.6em 1em; margin: 0.3em 0; max-width: 46em; line-height: 1.45; font-size: var(--jp-content-font-size1, 13px); }
.dqnkit-prediction.locked { border-color: ${PALETTE.environment.color}; }
.dqnkit-prediction:focus { outline: none; }
.dqnkit-prediction p { margin: 0.35em 0; }
.dqnkit .foot { min-height: 34px; margin-top: 4px; }
.dqnkit-prediction .option { display: flex; align-items: baseline; padding: 3px 0; cursor: pointer; }
.dqnkit-prediction .option input { flex: none; position: relative; top: 2px; }
.dqnkit-prediction input[type="text"] { width: 10em; }
.dqnkit-line { cursor: crosshair; }
.dqnkit-line [role="slider"] { cursor: ns-resize; }
.dqnkit-line [role="slider"]:focus-visible circle { stroke: var(--focus); stroke-width: 4; }
.dqnkit-line .ghost { stroke: var(--grid); stroke-width: 2; }
.dqnkit-drawn .halo { paint-order: stroke; stroke: var(--ground); stroke-width: 4; stroke-linejoin: round; }
.dqnkit-far { display: flex; align-items: baseline; gap: 16px; padding-bottom: 4px; }
.dqnkit-far .number { flex: none; }
.dqnkit .legend svg { flex: none; }
.dqnkit .legend > span { display: inline-flex; align-items: center; gap: 6px; }
`;

function render({ model, el }) {
  el.append(html("style", {}, CSS));
  return model.set ? form(model, el) : compared(model, el);
}

// ---- while it is open

function form(model, el) {
  const tell = teller(model);
  const inputs = { choice: options, number: field, curve: drawing };
  const input = inputs[model.get("kind")](model, (entered) => tell({ entered }));
  const commit = html("button", { type: "submit", title: "Keep this answer; it cannot be changed" }, "✓ Commit");
  const said = html("span", { role: "status" });
  const say = (text) => said.textContent === text || (said.textContent = text);
  const frame = html(
    "form",
    { class: "dqnkit-prediction", novalidate: true, tabindex: -1, "aria-label": `Prediction: ${model.get("name")}` },
    html("strong", {}, "→ Predict"),
    html("div"),
    input.element,
    html("div", { class: "row foot" }, commit, said),
  );
  frame.children[1].innerHTML = model.get("head"); // HTML of ours, in which the question is escaped
  let waiting = 0;
  frame.addEventListener("submit", (event) => {
    event.preventDefault();
    // the message carries what stands in the form now: Python may not have heard of the last stroke yet
    model.send({ event: "commit", entered: input.get() });
    clearTimeout(waiting);
    waiting = setTimeout(() => say("Waiting for the kernel: it may still run a cell …"), 1000);
  });
  const answered = () => {
    clearTimeout(waiting);
    say(model.get("said"));
    if (!model.get("locked")) return;
    const hadFocus = frame.contains(document.activeElement);
    frame.classList.add("locked");
    input.disable();
    commit.hidden = true;
    if (hadFocus) {
      frame.focus();
      handOver(frame, model.get("question"));
    }
  };
  model.on("change:said change:locked", answered);
  model.on("msg:custom", answered);
  el.append(ownKeys(frame));
  answered();
  const stop = input.fit?.(el);
  return () => {
    model.off("change:said change:locked", answered);
    clearTimeout(waiting);
    stop?.();
  };
}

/** Python puts the committed answer in the place of the form; the focus goes over to it. */
function handOver(frame, question) {
  const observer = new MutationObserver(() => {
    const answer = [...document.querySelectorAll("[data-dqnkit-answer]")].find(
      (element) => element.dataset.dqnkitAnswer === question,
    );
    if (frame.isConnected || !answer) return;
    observer.disconnect();
    if (document.activeElement === document.body) answer.focus({ preventScroll: true });
  });
  observer.observe(document.body, { childList: true, subtree: true });
  setTimeout(() => observer.disconnect(), 10_000);
}

/** The options of a choice; the browser's own radio buttons follow the arrow keys. */
function options(model, enter) {
  const name = freshName();
  const buttons = model.get("options").map((value) => {
    const checked = value === model.get("entered");
    return html("input", { type: "radio", name, value, checked, onchange: () => enter(value) });
  });
  const lines = buttons.map((input) => html("label", { class: "option" }, input, html("span", {}, input.value)));
  return {
    element: html("div", { role: "radiogroup", "aria-label": model.get("name") }, ...lines),
    get: () => buttons.find((input) => input.checked)?.value ?? null,
    disable: () => buttons.forEach((input) => (input.disabled = true)),
  };
}

/** The field of a number. */
function field(model, enter) {
  const [low, high] = model.get("span").map((end) => shown(end));
  const input = html("input", {
    ...{ type: "text", inputmode: "decimal", autocomplete: "off", placeholder: `${low} to ${high}` },
    "aria-label": `Answer, ${low} to ${high} ${model.get("unit")}`,
    oninput: () => enter(input.value),
  });
  input.value = model.get("entered") ?? "";
  return {
    element: html("div", { class: "row" }, input, html("span", {}, model.get("unit"))),
    get: () => input.value,
    disable: () => (input.disabled = true),
  };
}

/** A line of POINTS values over a run: what a hand draws, or the keys of five handles. */
class DrawnLine {
  constructor([low, high], values) {
    this.low = low;
    this.high = high;
    this.values = values?.length === POINTS ? [...values] : null;
    this.first = POINTS; // the first and the last point of the stroke that begins a line
    this.last = -1;
    this.pen = null;
    this.goesRight = true;
  }

  /** Draw to a point of the chart: share of the run (0 to 1) and value. */
  drawTo(share, value, begins) {
    const x = Math.min(1, Math.max(0, share)) * (POINTS - 1);
    const y = this.#fitted(value);
    const [fromX, fromY] = begins || !this.pen ? [x, y] : this.pen;
    this.pen = [x, y];
    if (x !== fromX) this.goesRight = x > fromX;
    const isFirst = !this.values || this.last >= 0;
    this.values ??= Array(POINTS).fill(y);
    const set = (point, height) => {
      this.values[point] = this.#fitted(height);
      if (isFirst) [this.first, this.last] = [Math.min(this.first, point), Math.max(this.last, point)];
    };
    const [low, high] = [Math.min(fromX, x), Math.max(fromX, x)];
    for (let point = Math.ceil(low); point <= Math.floor(high); point++) {
      set(point, x === fromX ? y : fromY + ((point - fromX) / (x - fromX)) * (y - fromY));
    }
    // the point that the pen is about to cross follows it already; so does, where it began, the one that is next to it
    const ahead = begins ? Math.round(x) : this.goesRight ? Math.ceil(x) : Math.floor(x);
    if (Math.abs(ahead - x) <= 0.5) set(ahead, y);
    if (isFirst) {
      // the first stroke is a whole line at once: before its beginning and after its end it goes on level
      this.values.fill(this.goesRight ? this.values[this.first] : y, 0, this.first);
      this.values.fill(this.goesRight ? y : this.values[this.last], this.last + 1);
    }
  }

  /** The stroke has ended: later ones change what they cross, and no more. */
  lift() {
    this.pen = null;
    this.last = -1;
  }

  /** Move the point at a handle; those up to the next handles go with it, the less the farther they are away. */
  moveHandle(handle, value) {
    this.values ??= Array(POINTS).fill(this.low);
    const middle = handle * BETWEEN;
    const by = this.#fitted(value) - this.values[middle];
    for (let point = Math.max(0, middle - BETWEEN); point < Math.min(POINTS, middle + BETWEEN + 1); point++) {
      const share = 1 - Math.abs(point - middle) / BETWEEN;
      this.values[point] = this.#fitted(this.values[point] + by * share);
    }
  }

  at(handle) {
    return this.values?.[handle * BETWEEN] ?? this.low;
  }

  /** A value inside the range, rounded to a thousandth of it. */
  #fitted(value) {
    const step = (this.high - this.low) / 1000;
    const inside = Math.min(this.high, Math.max(this.low, value));
    return Number((this.low + Math.round((inside - this.low) / step) * step).toPrecision(12));
  }
}

/** A chart across which a line is drawn. */
function drawing(model, enter) {
  const line = new DrawnLine(model.get("span"), model.get("entered"));
  const chart = chartOf(model);
  chart.element.classList.add("dqnkit-line");
  // a group, and not one image: it holds the handles
  chart.element.setAttribute("role", "group");
  chart.element.setAttribute("aria-label", "Your line over the run; draw it, or move its five handles with the arrow keys");
  const handles = [0, 1, 2, 3, 4].map((handle) => handleOf(handle, line, chart, model, () => changed()));
  chart.element.append(svg("g", {}, ...handles));
  const draw = eachFrame(chart.element, () => {
    chart.data.replaceChildren(...ghosts(chart, model, line), ...(line.values ? [predicted(chart, line.values, model)] : []));
    handles.forEach((handle) => handle.place());
  });
  const changed = () => {
    enter([...line.values]);
    draw();
  };
  let grabbed = -1;
  dragged(
    chart.element,
    (event, begins) => {
      const [x, y] = chart.at(event);
      if (begins) grabbed = line.values ? handles.findIndex((handle) => handle.isNear(event)) : -1;
      if (grabbed >= 0) line.moveHandle(grabbed, y);
      else line.drawTo(x / model.get("end"), y, begins);
      if (begins && grabbed >= 0) handles[grabbed].focus();
      changed();
    },
    () => line.lift(),
  );
  return {
    element: chart.element,
    get: () => line.values,
    disable: () => {
      chart.element.style.pointerEvents = "none";
      handles.forEach((handle) => {
        handle.setAttribute("aria-disabled", true);
        handle.tabIndex = -1;
      });
    },
    fit: () =>
      followWidth(chart.element.parentElement, (width) => {
        const padding = getComputedStyle(chart.element.parentElement);
        fit(chart, model, width - parseFloat(padding.paddingLeft) - parseFloat(padding.paddingRight));
        draw();
      }),
  };
}

/** A handle of the line, as a slider for the keys. */
function handleOf(handle, line, chart, model, changed) {
  const [low, high] = model.get("span");
  const x = (model.get("end") * handle) / 4;
  const element = svg(
    "g",
    {
      ...{ role: "slider", tabindex: 0, "aria-orientation": "vertical", "aria-valuemin": low, "aria-valuemax": high },
      "aria-label": `at ${shownX(model)(x)} ${model.get("over")}`,
    },
    svg("circle", { r: 5.5, class: "ground", stroke: "var(--ink)", "stroke-width": 2 }),
  );
  const step = (high - low) / 100;
  element.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
    const to = { Home: low, End: high }[event.key] ?? (by && line.at(handle) + by * step);
    if (to === undefined || element.getAttribute("aria-disabled")) return;
    event.preventDefault();
    line.moveHandle(handle, to);
    changed();
  });
  element.place = () => {
    const value = line.at(handle);
    element.setAttribute("transform", `translate(${chart.px(x)} ${chart.py(value)})`);
    element.setAttribute("aria-valuenow", value);
    element.setAttribute("aria-valuetext", line.values ? `${shown(value)} ${model.get("unit")}` : "nothing drawn yet");
  };
  element.isNear = (event) => {
    const box = chart.element.getBoundingClientRect();
    const [right, down] = [event.clientX - box.left - chart.px(x), event.clientY - box.top - chart.py(line.at(handle))];
    return Math.hypot(right, down) <= GRABBED;
  };
  return element;
}

/** A grid where the handles are, and what to do while nothing is drawn. */
function ghosts(chart, model, line) {
  const [low, high] = model.get("span");
  const grid = [1, 2, 3, 4].map((quarter) => {
    const x = chart.px((model.get("end") * quarter) / 4);
    return svg("path", { class: "ghost", d: `M${x} ${chart.py(low)}V${chart.py(high)}` });
  });
  if (line.values) return grid;
  const middle = chart.px(model.get("end") / 2);
  const text = { x: middle, y: chart.py((low + high) / 2) + 4, "text-anchor": "middle", class: "soft" };
  return [...grid, svg("text", text, "Draw your line across: press, and drag.")];
}

// ---- what both show

function shownX(model) {
  return (x) => (model.get("end") >= 1000 ? Math.round(x).toLocaleString("en-US") : shown(x));
}

/** The axes of a run: its own, from its first step to its last. They grow where a value needs more. */
function chartOf(model, label = "", values = [], places = []) {
  const [low, high] = model.get("span");
  const end = Math.max(model.get("end"), ...places);
  const most = Math.max(high, ...values);
  const least = Math.min(low, ...values);
  const x = { name: model.get("over"), low: 0, high: end, format: shownX(model) };
  const y = { name: model.get("unit"), low: least < low ? -roundUp(-least) : low, high: most > high ? roundUp(most) : high };
  return new Chart({ x, y, label });
}

/** Draw the axes for a width; they are marked where the handles are, unless the axis had to grow. */
function fit(chart, model, width) {
  const end = model.get("end");
  const shares = width < 400 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  chart.x.ticks = chart.x.high > end ? undefined : shares.map((share) => share * end);
  chart.fit(Math.min(570, width));
}

/** The predicted line, dashed in the colour of the text. */
function predicted(chart, values, model) {
  const points = values.map((value, at) => [(model.get("end") * at) / (values.length - 1), value]);
  return chart.line(points, "reference", { style: "stroke: var(--ink)", "stroke-dasharray": DASHES });
}

// ---- once it is committed

/** The drawn line, and what happened growing over it; the gap between them is shaded, and one number says how far. */
function compared(model, el) {
  const [guess, happened, gap] = [model.get("predicted"), model.get("happened"), model.get("gap")];
  const values = [...guess, ...happened.map(([, y]) => y)];
  const chart = chartOf(model, model.get("name"), values, happened.map(([x]) => x));
  const quantity = model.get("quantity");
  const { color } = PALETTE[quantity];
  const curtain = svg("rect", { x: 0, y: 0, height: chart.height });
  const name = freshName();
  const clip = svg("clipPath", { id: name }, curtain);
  let grown = isCalm() || !happened.length ? 1 : 0;
  const draw = eachFrame(el, () => {
    const corners = [...gap.map(([x, , y]) => [x, y]), ...[...gap].reverse().map(([x, y]) => [x, y])];
    const shade = svg("path", { d: corners.length ? `${chart.path(corners)}Z` : "", fill: color, "fill-opacity": 0.25 });
    const truth = chart.line(happened, quantity);
    curtain.setAttribute("width", chart.margins.left + chart.plotWidth * grown + 14 * Math.floor(grown));
    const grows = svg("g", { "clip-path": `url(#${name})` }, shade, truth);
    const line = guess.length ? [predicted(chart, guess, model)] : [];
    chart.data.replaceChildren(clip, grows, ...line, ...(grown < 1 ? [] : stopped(chart, model, happened)));
  });
  const sample = (...inside) => svg("svg", { width: 28, height: 12, "aria-hidden": "true" }, ...inside);
  const stroke = { d: "M0 6H28", fill: "none", "stroke-width": 2 };
  const legend = [];
  if (guess.length) {
    const look = { ...stroke, style: "stroke: var(--ink)", "stroke-dasharray": DASHES };
    legend.push(html("span", {}, sample(svg("path", look)), "your line"));
  }
  if (happened.length) legend.push(html("span", {}, sample(svg("path", { ...stroke, stroke: color })), "what happened"));
  const [number, unit, words] = model.get("said");
  const far = html("div", { class: "number" }, `${number} `, html("span", { class: "unit" }, unit));
  chart.element.classList.add("dqnkit-drawn");
  el.append(chart.element, html("div", { class: "row foot legend" }, ...legend));
  if (number) el.append(html("div", { class: "dqnkit-far" }, far, html("div", {}, words)));
  const stopFitting = followWidth(el, (width) => {
    fit(chart, model, width);
    draw();
  });
  const stopGrowing = animate((seconds) => {
    grown = Math.min(1, grown + seconds / 0.3);
    draw();
    return grown < 1;
  });
  return () => {
    stopFitting();
    stopGrowing();
  };
}

/** A mark where a run stopped before its end. */
function stopped(chart, model, happened) {
  if (model.get("stopped") === null) return [];
  const [x, y] = happened.at(-1);
  const [left, right] = [chart.px(x), chart.px(x) > chart.width / 2];
  const text = { x: left + (right ? -6 : 6), y: chart.margins.top + 10, "text-anchor": right ? "end" : "start" };
  const style = `stroke: var(--ink-soft); stroke-dasharray: ${PALETTE.reference.dash}`;
  return [
    svg("path", { d: `M${left} ${chart.margins.top}V${chart.height - chart.margins.bottom}`, style, fill: "none" }),
    svg("circle", { cx: left, cy: chart.py(y), r: 4, fill: PALETTE[model.get("quantity")].color }),
    svg("text", { ...text, class: "halo" }, `stopped at ${shownX(model)(x)}`),
  ];
}
