// Q-learning in a grid world, update by update. The environment, the agent and the formula run here, in the browser, so
// no kernel is needed. Where there is one, Python hears of the updates afterwards and makes them with the reader's own
// q_update.

const MOVES = ["up", "right", "down", "left"];
const DIRECTIONS = [[0, -1], [1, 0], [0, 1], [-1, 0]]; // of each move, as (x to the right, y down)
const EPISODE_LIMIT = 100; // steps; then the episode is truncated
const LEAP = 100; // updates of the second button
const CURVE_POINTS = 300; // of the error curve; when there are more, every second one goes
const BESIDE = 860; // pixels, from which on all stands side by side
const DARK = 0.93; // share of the full colour from which on white text is easier to read
const NARROW = 62; // pixels of a square; in a smaller one the numbers are smaller too, so that an arrow fits between them
const NUMBERS_UP_TO = 6; // squares a side; in larger rooms the numbers are too small to read
const ALONE = "No Python is connected: your browser alone computes what you see.";
const WILL_COMPARE = "Python is connected: it makes each update with your q_update, too.";
const PATIENCE = 3000; // milliseconds without an answer of Python, after which the reader is told

// ------------------------------------------------------------------------------------------------ the arithmetic

/** Q(s, a) after one update: the formula. */
function qUpdate(q, s, a, r, next, terminated, alpha, gamma) {
  const target = r + (terminated ? 0 : gamma * Math.max(...q[next]));
  return q[s][a] + alpha * (target - q[s][a]);
}

/** The exact Q* [S][A] by value iteration. `moves[s][a]` lists [next state, chance, reward]. */
function optimalQ({ moves, terminal }, gamma, tolerance = 1e-6) {
  let q = moves.map((actions) => actions.map(() => 0));
  for (;;) {
    const best = q.map((values, s) => (terminal[s] ? 0 : Math.max(...values)));
    let change = 0;
    q = q.map((values, s) =>
      values.map((old, a) => {
        if (terminal[s]) return 0;
        let value = 0;
        for (const [next, chance, reward] of moves[s][a]) value += chance * (reward + gamma * best[next]);
        change = Math.max(change, Math.abs(value - old));
        return value;
      }),
    );
    if (change <= tolerance) return q;
  }
}

/** The actions with the largest of the values [A]: several if values are equal. */
function greedyMoves(values) {
  const best = Math.max(...values);
  return MOVES.map((_, move) => move).filter((move) => values[move] >= best - 1e-12 - 1e-9 * Math.abs(best));
}

/** A table that learns in a world, one update at a time. */
class QLearning {
  constructor(world) {
    this.world = world;
    this.reset();
  }

  /** Set all values to 0, and begin again with the same luck. */
  reset() {
    this.random = seeded(this.world.seed);
    this.q = this.world.moves.map((actions) => actions.map(() => 0));
    this.updates = 0;
    this.last = null;
    this.#beginEpisode();
  }

  /** Go on from what was kept. */
  goOn({ q, updates, state, last }) {
    Object.assign(this, { q: q.map((values) => [...values]), updates, state, last });
    this.random = seeded(this.world.seed + updates);
  }

  #beginEpisode() {
    this.state = this.#drawn(this.world.start);
    this.time = 0;
  }

  /** One of [value, chance, ...], by chance. */
  #drawn(chances) {
    let rest = this.random();
    return (chances.find(([, chance]) => (rest -= chance) < 0) ?? chances.at(-1))[0];
  }

  /** An epsilon-greedy action with random ties, and whether it was explored. */
  #select(epsilon) {
    if (this.random() < epsilon) return [Math.floor(this.random() * MOVES.length), true];
    const greedy = greedyMoves(this.q[this.state]);
    return [greedy[Math.floor(this.random() * greedy.length)], false];
  }

  /** Select an action, execute it, update one value; returns the numbers of the update. */
  step({ alpha, gamma, epsilon }) {
    const { moves, terminal } = this.world;
    if (this.time === EPISODE_LIMIT || terminal[this.state]) this.#beginEpisode();
    const s = this.state;
    const [a, explored] = this.#select(epsilon);
    const next = this.#drawn(moves[s][a]);
    const r = moves[s][a].find(([arrival]) => arrival === next)[2];
    const terminated = terminal[next];
    const old = this.q[s][a];
    const nextValue = Math.max(...this.q[next]);
    const value = qUpdate(this.q, s, a, r, next, terminated, alpha, gamma);
    this.q[s][a] = value;
    this.state = next;
    this.time++;
    this.updates++;
    this.last = { s, a, explored, r, next, terminated, old, nextValue, value, alpha, gamma };
    return this.last;
  }

  /** The largest |Q - Q*| over all moves in all squares that are not terminal. */
  error(exact) {
    let largest = 0;
    exact.forEach((values, s) => {
      if (this.world.terminal[s]) return;
      values.forEach((value, a) => (largest = Math.max(largest, Math.abs(this.q[s][a] - value))));
    });
    return largest;
  }
}

// ------------------------------------------------------------------------------------------------ the picture

/** A number for a triangle: .48, 1, −.10. */
function short(value) {
  const size = Math.round(100 * Math.abs(value)) / 100;
  const text = size.toFixed(2).replace(/^0\./, ".").replace(/\.00$/, "");
  return size === 0 ? "0" : value < 0 ? `−${text}` : text;
}

/** Set an attribute only where it changes: most of a table stays as it is. */
function put(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A table of Q-values as squares of four triangles, one for each move: the darker, the larger. */
class TableView {
  constructor({ size, goals, terminal }, label) {
    this.size = size;
    this.goals = goals;
    this.terminal = terminal;
    this.title = html("div", { class: "dqnkit-grid-title" });
    this.svg = svg("svg", { role: "img", "aria-label": label });
    this.element = html("div", {}, this.title, this.svg);
  }

  fit(side) {
    const inner = side - 16;
    this.square = inner / this.size;
    this.left = 16;
    this.withNumbers = this.size <= NUMBERS_UP_TO && this.square >= 40;
    put(this.svg, "width", side);
    put(this.svg, "height", side + 2);
    this.cells = this.terminal.map((ends, s) => (ends ? null : this.#cell(s)));
    this.agent = svg("circle", { class: "dqnkit-grid-agent", r: Math.max(4, 0.1 * this.square) });
    this.lit = svg("path", { class: "dqnkit-grid-lit" });
    const cells = this.cells.flatMap((cell) => (cell ? cell.flatMap(({ triangle, number }) => [triangle, number]) : []));
    const arrows = this.cells.flatMap((cell) => (cell ? cell.map(({ arrow }) => arrow) : []));
    this.svg.replaceChildren(...this.#axes(side), ...cells, ...arrows, ...this.#goals(), this.lit, this.agent);
  }

  /** The pixel of a row and column, which may be fractions. */
  at(row, column) {
    return [this.left + column * this.square, row * this.square + 1];
  }

  show(q, [low, high], { agent = null, lit = null } = {}) {
    this.cells.forEach((cell, s) => cell && this.#showCell(cell, q[s], low, high));
    put(this.agent, "visibility", agent === null ? "hidden" : "visible");
    if (agent !== null) {
      const [x, y] = this.at(Math.floor(agent / this.size) + 0.5, (agent % this.size) + 0.5);
      put(this.agent, "cx", x);
      put(this.agent, "cy", y);
    }
    put(this.lit, "d", lit === null ? "" : this.#corners(...lit));
  }

  #showCell(cell, values, low, high) {
    const greedy = greedyMoves(values);
    cell.forEach(({ triangle, number, arrow }, a) => {
      const share = (values[a] - low) / (high - low);
      put(triangle, "fill-opacity", share.toFixed(3));
      const tone = share > DARK ? "dqnkit-grid-on-dark" : "";
      put(number, "class", tone);
      if (this.withNumbers && number.textContent !== short(values[a])) number.textContent = short(values[a]);
      put(arrow, "class", `dqnkit-grid-arrow ${tone}`);
      put(arrow, "visibility", greedy.includes(a) && greedy.length < MOVES.length ? "visible" : "hidden");
    });
  }

  #cell(s) {
    const [row, column] = [Math.floor(s / this.size), s % this.size];
    return MOVES.map((_, a) => {
      const [x, y] = this.at(row + 0.5, column + 0.5);
      const [right, down] = DIRECTIONS[a];
      const narrow = this.square < NARROW;
      const out = 0.5 * this.square - (narrow ? (right ? 9.5 : 8) : right ? 12 : 9);
      const style = narrow ? "font-size: 10px" : "";
      const number = svg("text", { x: x + right * out, y: y + down * out + 4, "text-anchor": "middle", style });
      const free = Math.max(5, 0.5 * this.square - (narrow ? 20 : 23)); // from the middle to the numbers
      const length = this.withNumbers ? free : 0.3 * this.square;
      const tip = [x + right * length, y + down * length];
      const wing = (side) => [tip[0] - right * 4 + down * side * 3.5, tip[1] - down * 4 + right * side * 3.5];
      return {
        triangle: svg("path", { d: this.#corners(s, a), class: "dqnkit-grid-edge" }),
        number,
        arrow: svg("path", { d: `M${x} ${y}L${tip}M${wing(1)}L${tip}L${wing(-1)}`, class: "dqnkit-grid-arrow" }),
      };
    });
  }

  /** The triangle on the side of a square to which a move leads. */
  #corners(s, a) {
    const [row, column] = [Math.floor(s / this.size), s % this.size];
    const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
    return `M${this.at(...corners[a])}L${this.at(...corners[(a + 1) % 4])}L${this.at(row + 0.5, column + 0.5)}Z`;
  }

  *#goals() {
    for (const [row, column, reward] of this.goals) {
      const [x, y] = this.at(row, column);
      const size = this.square;
      yield svg("rect", { x, y, width: size, height: size, fill: PALETTE.environment.color });
      const text = `${reward > 0 ? "+" : ""}${shown(reward)}`;
      yield svg("text", { x: x + size / 2, y: y + size / 2 + 4, "text-anchor": "middle", class: "dqnkit-grid-goal" }, text);
    }
  }

  *#axes(side) {
    for (let n = 0; n < this.size; n++) {
      const [x, y] = this.at(n + 0.5, n + 0.5);
      yield svg("text", { x: 6, y: y + 4, "text-anchor": "middle", class: "soft" }, String(n));
      yield svg("text", { x, y: side - 2, "text-anchor": "middle", class: "soft" }, String(n));
    }
  }
}

const GRID_STYLE = `
.dqnkit-grid { display: flex; flex-wrap: wrap; gap: 6px 14px; max-width: 1060px; }
.dqnkit-grid > * { min-width: 0; }
.dqnkit-grid .wide { flex: 1 0 100%; }
.dqnkit-grid .tables { display: flex; flex-wrap: wrap; gap: 4px 14px; }
.dqnkit-grid .side { flex: 1 1 204px; display: flex; flex-wrap: wrap; align-content: flex-start; gap: 4px 14px; }
.dqnkit-grid .sliders { flex: 1 1 204px; display: flex; flex-direction: column; gap: 4px; }
.dqnkit-grid-scale { display: flex; align-items: center; gap: 6px; padding-left: 16px; }
.dqnkit-grid-scale i { width: 120px; height: 10px; border: 1px solid var(--line);
  background: linear-gradient(to right, var(--ground), ${PALETTE["online network"].color}); }
.dqnkit-grid .side label span { width: 48px; flex: none; }
.dqnkit-grid .side input { width: 90px; }
.dqnkit-grid .side output { width: 46px; min-width: 0; flex: none; white-space: nowrap; }
.dqnkit-grid-title { font-weight: 600; height: 20px; padding-left: 16px; white-space: nowrap; }
.dqnkit-grid-formula { display: grid; grid-template-columns: repeat(12, auto); justify-content: start; justify-items: center;
  column-gap: 7px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.dqnkit-grid-formula .below { font-weight: 600; min-height: 1.4em; }
.dqnkit-grid-told { min-height: 1.4em; }
.dqnkit svg .dqnkit-grid-edge { stroke: var(--grid); fill: ${PALETTE["online network"].color}; }
.dqnkit svg .dqnkit-grid-arrow { stroke: var(--ink); stroke-width: 1.6; fill: none; }
.dqnkit svg .dqnkit-grid-arrow.dqnkit-grid-on-dark { stroke: #ffffff; }
.dqnkit svg text.dqnkit-grid-on-dark { fill: #ffffff; }
.dqnkit svg text.dqnkit-grid-goal { fill: #000000; font-weight: 600; }
.dqnkit svg .dqnkit-grid-lit { fill: none; stroke: ${PALETTE.loss.color}; stroke-width: 3; }
.dqnkit svg .dqnkit-grid-agent { fill: var(--ink); stroke: var(--ground); stroke-width: 2; }
`;

/** The formula: symbols, and below each the number of the last update. */
class Formula {
  constructor(square) {
    this.square = square; // (state) -> "row 0, column 0"
    const symbols = ["Q(s, a)", "←", "Q(s, a)", "+", "alpha", "[", "r", "+", "gamma max Q(s', a')", "−", "Q(s, a)", "]"];
    this.below = symbols.map(() => html("div", { class: "below" }));
    this.told = html("div", { class: "dqnkit-grid-told" });
    const cells = html("div", { class: "dqnkit-grid-formula" }, ...symbols.map((text) => html("div", {}, text)), ...this.below);
    this.element = html("div", { class: "wide" }, cells, this.told);
  }

  show(last) {
    if (last === null) {
      this.below.forEach((cell) => (cell.textContent = ""));
      this.told.textContent = "One step: the agent selects an action, executes it, and updates one value. All values are 0 now.";
      return;
    }
    const number = (value) => value.toFixed(3).replace("-", "−");
    const follows = last.terminated ? "0 (nothing follows)" : `${shown(last.gamma)} × ${number(last.nextValue)}`;
    const old = number(last.old);
    const numbers = [number(last.value), "←", old, "+", shown(last.alpha), "[", shown(last.r), "+", follows, "−", old, "]"];
    this.below.forEach((cell, index) => (cell.textContent = numbers[index]));
    this.told.textContent =
      `s = (${this.square(last.s)}), a = ${MOVES[last.a]} (${last.explored ? "explored" : "greedy"}), r = ${shown(last.r)}, ` +
      `s' = (${this.square(last.next)})${last.terminated ? ", terminated" : ""}`;
  }
}

/** Tells Python of the updates in batches, the next one when the last is answered; `element` says what came of it. */
class Line {
  constructor(model, kept, restore) {
    this.kept = kept; // () => what a page that is loaded again goes on from
    this.element = html("div", { class: "wide" }, ALONE);
    this.batch = null; // { first, q, steps } that waits to be told
    this.waits = 0; // the timer of an answer
    whenLinked(model, (live) => {
      this.live = live;
      if (live.get("kept").updates && !this.batch) restore(live.get("kept"));
      live.on("change:said", () => this.#heard());
      this.element.textContent = live.get("said").text || WILL_COMPARE;
      this.#tell();
    });
  }

  /** Let an agent make one update, and note it. A batch begins with the table as it was before. */
  step(agent, settings) {
    this.batch ??= { first: agent.updates, q: agent.q.map((values) => [...values]), steps: [] };
    const { s, a, r, next, terminated, alpha, gamma, value } = agent.step(settings);
    this.batch.steps.push([s, a, r, next, terminated, alpha, gamma, value]);
  }

  forget() {
    this.batch = null;
    if (this.live) this.element.textContent = WILL_COMPARE;
  }

  tell() {
    if (this.live && this.batch && !this.waits) this.#tell();
  }

  #tell() {
    if (!this.batch || this.waits) return;
    const count = this.batch.steps.length;
    try {
      this.live.send(this.batch);
      this.live.set("kept", this.kept());
      this.live.save_changes();
    } catch {
      this.live = null; // the kernel has ended
      this.element.textContent = ALONE;
      return;
    }
    this.batch = null;
    const late = () => (this.element.textContent = `Python has not answered to the last ${count} updates: it is busy, or it has ended.`);
    this.waits = setTimeout(late, PATIENCE);
  }

  #heard() {
    clearTimeout(this.waits);
    this.waits = 0;
    this.element.textContent = this.live.get("said").text;
    setTimeout(() => this.tell(), 100);
  }
}

function render({ model, el }) {
  const world = model.get("world");
  const settings = { alpha: world.alpha, gamma: world.gamma, epsilon: world.epsilon };
  const agent = new QLearning(world);
  let exact = optimalQ(world, settings.gamma);
  let errors = [[0, agent.error(exact)]];
  let every = 1; // updates between two points of the curve
  let speed = 10; // updates a second while it plays
  let stop = null; // of the clock, while it plays
  let width = 0; // of the curve, in pixels
  let chartEnds = []; // what its axes are drawn for

  const square = (s) => `row ${Math.floor(s / world.size)}, column ${s % world.size}`;
  const formula = new Formula(square);
  const [table, truth] = [new TableView(world, "Your table"), new TableView(world, "The exact Q*")];
  const chart = new Chart({
    x: { name: "updates", low: 0, high: 10 },
    y: { name: "largest |Q − Q*|", low: 0, high: 1 },
    height: 150,
    label: "The error over the updates",
  });
  const score = html("div", { class: "dqnkit-grid-score" });
  const said = speaker();

  const draw = eachFrame(el, () => {
    if (!table.cells) return; // the page has not said yet how wide it is
    const all = [...agent.q, ...exact].flat();
    const ends = [Math.min(0, ...all), Math.max(1e-6, ...all)];
    [scaleLow.textContent, scaleHigh.textContent] = ends.map((end) => shown(end));
    const { last } = agent;
    table.title.textContent = "Your table";
    truth.title.textContent = `The exact Q* for gamma = ${shown(settings.gamma)}`;
    table.show(agent.q, ends, { agent: agent.state, lit: last && [last.s, last.a] });
    truth.show(exact, ends);
    formula.show(last);
    drawCurve();
    const error = agent.error(exact);
    const number = (text) => html("span", { class: "number" }, text);
    const unit = (text) => html("span", { class: "unit" }, text);
    score.replaceChildren(number(agent.updates.toLocaleString("en-US")), unit(" updates, error "), number(error.toFixed(3)));
    said.say(`${agent.updates} updates, error ${error.toFixed(3)}. The agent is in ${square(agent.state)}.`);
  });

  function drawCurve() {
    const high = (values, least) => roundUp(Math.max(least, ...values), [1, 2, 4, 5, 10]);
    const ends = [high([agent.updates], 10), high(errors.map(([, error]) => error), 0.01), width];
    if (ends.some((end, n) => end !== chartEnds[n])) {
      [chart.x.high, chart.y.high] = chartEnds = ends;
      chart.fit(width);
    }
    const now = [agent.updates, agent.error(exact)];
    chart.data.replaceChildren(chart.line([...errors, now], "online network"), chart.dots([now], "online network", 4));
  }

  function noteError() {
    if (agent.updates % every) return;
    errors.push([agent.updates, agent.error(exact)]);
    if (errors.length <= CURVE_POINTS) return;
    errors = errors.filter((_, index) => index % 2 === 0);
    every *= 2;
  }

  function steps(count) {
    for (let n = 0; n < count; n++) {
      line.step(agent, settings);
      noteError();
    }
    line.tell();
    draw();
  }

  function play(on) {
    stop?.();
    stop = null;
    playButton.textContent = on ? "‖ Pause" : "▶ Play";
    if (!on) return;
    let due = 0;
    stop = animate((seconds) => {
      if (!el.isConnected) return play(false); // the output was cleared
      due += Math.min(seconds, 0.25) * speed; // a tab that was hidden makes up for nothing
      if (due >= 1) steps(Math.floor(due));
      due %= 1;
      return true;
    });
  }

  function reset() {
    play(false);
    agent.reset();
    every = 1;
    errors = [[0, agent.error(exact)]];
    line.forget();
    draw();
  }

  const step = button("Step: one update", () => steps(1));
  const playButton = button("▶ Play", () => play(stop === null));
  const leap = button(`${LEAP} updates`, () => steps(LEAP));
  const again = button("Reset the table", reset);
  const set = (name) => (value) => {
    settings[name] = Math.round(value * 100) / 100;
    draw();
  };
  const setGamma = (value) => {
    set("gamma")(value);
    exact = optimalQ(world, settings.gamma);
  };
  const places = (value) => value.toFixed(2);
  const sliders = [
    slider({ name: "alpha", low: 0.05, high: 1, step: 0.05, value: settings.alpha, format: places, changed: set("alpha"), title: "step size" }),
    slider({ name: "gamma", low: 0, high: 0.99, step: 0.01, value: settings.gamma, format: places, changed: setGamma, title: "discount" }),
    slider({ name: "epsilon", low: 0, high: 1, step: 0.05, value: settings.epsilon, format: places, changed: set("epsilon"), title: "share of random actions" }),
    slider({ name: "speed", low: 1, high: 200, step: 1, log: true, value: speed, format: (value) => `${value} / s`, changed: (value) => (speed = value), title: "updates a second, while it plays" }),
  ];
  const kept = () => ({ q: agent.q, updates: agent.updates, state: agent.state, last: agent.last, errors, every, ...settings });
  const line = new Line(model, kept, (found) => {
    agent.goOn(found);
    ({ errors, every } = found);
    for (const [index, name] of ["alpha", "gamma", "epsilon"].entries()) {
      settings[name] = found[name];
      sliders[index].set(found[name]);
    }
    exact = optimalQ(world, settings.gamma);
    draw();
  });

  const tables = html("div", { class: "tables" }, table.element, truth.element);
  const side = html("div", { class: "side" }, html("div", { class: "sliders" }, ...sliders, score), html("div", {}, chart.element));
  const [scaleLow, scaleHigh] = [html("span"), html("span")];
  const scale = world.size > NUMBERS_UP_TO ? [html("div", { class: "dqnkit-grid-scale wide" }, scaleLow, html("i"), scaleHigh)] : [];
  const buttons = html("div", { class: "row wide" }, step, playButton, leap, again);
  const whole = html("div", { class: "dqnkit-grid" }, formula.element, tables, side, ...scale, buttons, line.element, said);
  el.append(html("style", {}, GRID_STYLE), whole);

  return followWidth(whole, (all) => {
    const beside = all >= BESIDE; // the sliders and the curve: beside the tables, or below them
    const room = beside ? all - 204 : all >= 420 ? all : 2 * all;
    const size = Math.floor(Math.min(beside ? 330 : 290, Math.max(150, (room - 30) / 2)));
    table.fit(size);
    truth.fit(size);
    side.style.flexBasis = beside ? "204px" : "100%";
    const free = beside ? all - 2 * size - 30 : all;
    width = Math.floor(beside || all < 500 ? free : free - 224);
    draw();
  });
}
