// CartPole by hand. The physics runs here, in the browser, so each push is answered within a frame and needs no kernel.

const [GRAVITY, CART_MASS, POLE_MASS, HALF_POLE, FORCE, SECONDS] = [9.8, 1.0, 0.1, 0.5, 10.0, 0.02]; // kg, metres, newtons
const EDGE = 2.4; // metres from the middle, beyond which the episode terminates
const LARGEST_ANGLE = (12 * Math.PI) / 180; // from upright, beyond which the episode terminates
const EPISODE_LIMIT = 500; // steps; then the episode is truncated
const GLIDE = 0.12; // seconds in which the picture goes from one step to the next when time waits
const [LEFT, RIGHT] = [0, 1];
const WORDS = ["left", "right"];

/** The state [position, velocity, angle, turning speed] after one push: Gymnasium's equations, 0.02 seconds on. */
function cartStep([x, speed, angle, turning], action) {
  const push = action === RIGHT ? FORCE : -FORCE;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const mass = CART_MASS + POLE_MASS;
  const shared = (push + POLE_MASS * HALF_POLE * turning ** 2 * sin) / mass;
  const twist = (GRAVITY * sin - cos * shared) / (HALF_POLE * (4 / 3 - (POLE_MASS * cos ** 2) / mass));
  const faster = shared - (POLE_MASS * HALF_POLE * twist * cos) / mass;
  return [x + SECONDS * speed, speed + SECONDS * faster, angle + SECONDS * turning, turning + SECONDS * twist];
}

/** How an episode has ended in a state after some steps; empty while it goes on. */
function endOf([x, , angle], steps) {
  if (Math.abs(angle) > LARGEST_ANGLE) return "terminated: the pole fell";
  if (Math.abs(x) > EDGE) return "terminated: the cart left the track";
  return steps >= EPISODE_LIMIT ? `truncated: ${EPISODE_LIMIT} steps are over` : "";
}

const CART_STYLE = `
.dqnkit-cart { display: flex; flex-wrap: wrap; gap: 8px 24px; max-width: 900px; }
.dqnkit-cart > .wide { flex: 1 0 100%; }
.dqnkit-cart .stage { flex: 1 1 380px; max-width: 600px; min-width: 0; }
.dqnkit-cart .stage svg { cursor: ew-resize; }
.dqnkit-cart table { border-collapse: collapse; border: none; margin: 4px 0 0; font: inherit; }
.dqnkit-cart :is(tr, th, td) { background: none !important; border: none; font-weight: 400; padding: 1px 14px 1px 0; }
.dqnkit-cart :is(th, td) { text-align: left !important; }
.dqnkit-cart td.value { text-align: right !important; font-variant-numeric: tabular-nums; min-width: 5em; }
.dqnkit-cart .ended { font-weight: 600; min-height: 1.4em; }
`;

/** The cart, its pole, the push and the limits of an episode. */
class Stage {
  constructor() {
    this.height = 230;
    this.floor = 188;
    this.svg = svg("svg", { role: "img", "aria-label": "The cart and its pole", height: this.height });
    const faint = { stroke: "var(--line)", "stroke-dasharray": "2 3" };
    this.limits = [svg("line", faint), svg("line", faint)];
    this.cart = svg("rect", { width: 64, height: 26, y: this.floor - 36, fill: "var(--ink)" });
    this.wheels = [-19, 19].map(() => svg("circle", { cy: this.floor - 7, r: 7, fill: "var(--ink)", stroke: "var(--ground)" }));
    this.pole = svg("line", { stroke: PALETTE.environment.color, "stroke-width": 9, "stroke-linecap": "round" });
    this.hinge = svg("circle", { r: 5, cy: this.floor - 30, fill: "var(--ground)" });
    this.arrow = svg("path", { fill: "var(--ink)" });
    this.degrees = svg("text", { "text-anchor": "middle" });
  }

  fit(width) {
    this.width = width;
    this.scale = (width - 70) / (2 * EDGE); // pixels in a metre
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.svg.replaceChildren(
      ...this.#track(), ...this.limits, this.degrees, this.cart, ...this.wheels, this.pole, this.hinge, this.arrow,
    );
  }

  px(metres) {
    return this.width / 2 + metres * this.scale;
  }

  *#track() {
    const { floor } = this;
    yield svg("path", { class: "axis", d: `M0 ${floor}H${this.width}`, "stroke-width": 2 });
    for (const metres of [-2, -1, 0, 1, 2]) {
      yield svg("path", { class: "axis", d: `M${this.px(metres)} ${floor}v6` });
      yield svg("text", { x: this.px(metres), y: floor + 20, "text-anchor": "middle" }, shown(metres));
    }
    for (const side of [-EDGE, EDGE]) yield svg("path", { class: "axis", d: `M${this.px(side)} ${floor}v-60`, "stroke-dasharray": "2 3" });
    yield svg("text", { x: this.width / 2, y: floor + 38, "text-anchor": "middle", class: "soft" }, "position of the cart (metres)");
  }

  draw([x, , angle], push) {
    const middle = this.px(x);
    const hinge = this.floor - 30;
    const to = (element, lean, length) => {
      const ends = { x1: middle, y1: hinge, x2: middle + length * Math.sin(lean), y2: hinge - length * Math.cos(lean) };
      for (const [name, value] of Object.entries(ends)) element.setAttribute(name, value.toFixed(2));
    };
    to(this.limits[0], -LARGEST_ANGLE, 126);
    to(this.limits[1], LARGEST_ANGLE, 126);
    to(this.pole, angle, 112);
    this.cart.setAttribute("x", middle - 32);
    this.wheels.forEach((wheel, index) => wheel.setAttribute("cx", middle + 38 * index - 19));
    this.hinge.setAttribute("cx", middle);
    this.degrees.setAttribute("x", middle);
    this.degrees.setAttribute("y", hinge - 134);
    this.degrees.textContent = `${angle < 0 ? "−" : "+"}${Math.abs((angle * 180) / Math.PI).toFixed(1)}°`;
    const side = push === RIGHT ? 1 : -1;
    const [tail, tip, y] = [middle + 40 * side, middle + 84 * side, this.floor - 23];
    const shape = `M${tail} ${y - 3}H${tip - 12 * side}v-6L${tip} ${y}L${tip - 12 * side} ${y + 9}v-6H${tail}Z`;
    this.arrow.setAttribute("d", push === null ? "" : shape);
  }
}

function render({ model, el }) {
  const random = seeded(model.get("seed"));
  const returns = []; // of finished episodes
  let state, before, steps, ended, push; // before: the state one step ago; push: the last action of this episode
  let changedAt = 0; // when the last step was made, in milliseconds of the page
  let held = null; // the action of a button, a key or a pointer that is held down
  let speed = 10; // steps a second
  let stop = null; // of the clock

  const stage = new Stage();
  const said = speaker();
  const ending = html("div", { class: "ended" });
  const number = html("span", { class: "number" }, "0");
  const earlier = html("div", {});
  const names = [
    ["position of the cart", "metres"],
    ["velocity of the cart", "metres per second"],
    ["angle of the pole", "radians"],
    ["turning speed of the pole", "radians per second"],
  ];
  const values = names.map(() => html("td", { class: "value" }));
  const rows = names.map(([name, unit], n) => html("tr", {}, html("th", { scope: "row" }, name), values[n], html("td", { class: "unit" }, unit)));
  const reward = html("div", {});

  const write = eachFrame(el, () => {
    values.forEach((cell, n) => (cell.textContent = `${state[n] < 0 ? "−" : "+"}${Math.abs(state[n]).toFixed(3)}`));
    number.textContent = String(steps);
    ending.textContent = ended ? `The episode has ended (${ended}).` : steps ? "" : "A new episode: push, and keep the pole up.";
    reward.textContent = `reward of this step: ${steps ? 1 : 0}`;
    earlier.textContent = returns.length ? `Your returns so far: ${returns.slice(-10).join(", ")}.` : "";
    const lean = `leans ${Math.abs((state[2] * 180) / Math.PI).toFixed(1)} degrees to the ${state[2] > 0 ? "right" : "left"}`;
    stage.svg.setAttribute("aria-label", `A cart ${shown(state[0])} metres from the middle; its pole ${lean}. ${ended}`);
    said.say(ended ? `${ending.textContent} Return ${steps}.` : `Step ${steps}. The pole ${lean}.`);
    show();
  });

  /** Draw the moment between the last two steps: motion is even, however few steps there are in a second. */
  function show() {
    if (!stage.width) return false; // the page has not said yet how wide it is
    const glide = clockRuns() ? 1 / speed : GLIDE;
    const share = isCalm() ? 1 : Math.min(1, (performance.now() - changedAt) / 1000 / glide);
    stage.draw(state.map((value, n) => before[n] + share * (value - before[n])), push);
    return share < 1;
  }

  /** One step of the environment; nothing if the episode is over. */
  function step(action) {
    if (ended) return;
    push = action;
    before = state;
    state = cartStep(state, action);
    changedAt = performance.now();
    ended = endOf(state, ++steps);
    if (ended) {
      returns.push(steps);
      byItself.checked = false;
    }
    write();
    run();
  }

  function reset() {
    state = Array.from({ length: 4 }, () => 0.1 * random() - 0.05);
    [before, steps, ended, push, held] = [state, 0, "", null, null];
    write();
  }

  const clockRuns = () => !ended && (held !== null || (byItself.checked && push !== null));

  /** Start the clock unless it runs: it steps while something is held or time runs by itself, and moves the picture. */
  function run() {
    if (stop) return;
    let due = 0;
    stop = animate((seconds) => {
      due = clockRuns() ? due + Math.min(seconds, 0.25) * speed : 0;
      for (; due >= 1; due--) step(held ?? push);
      const moving = show();
      el.dispatchEvent(new CustomEvent("dqnkit-drawn", { bubbles: true })); // tests count the frames
      if (el.isConnected && (moving || clockRuns())) return true;
      stop = null;
      return false;
    });
  }

  /** Push now, and again and again as long as it is held. */
  function hold(action) {
    const isNew = held === null;
    held = action;
    if (isNew) step(action);
  }
  const release = () => (held = null);

  /** Hold with the pointer; the arrow keys work from then on. */
  function grab(element, action) {
    element.focus({ preventScroll: true });
    hold(action);
  }

  function pushButton(text, action) {
    const made = button(text, (event) => event.detail === 0 && step(action)); // by a key; the pointer is held, below
    dragged(made, () => grab(made, action), release);
    return made;
  }

  const left = pushButton("◀ Push left", LEFT);
  const right = pushButton("Push right ▶", RIGHT);
  const again = button("Start again", reset);
  const byItself = ownKeys(html("input", { type: "checkbox", onchange: run }));
  const pace = slider({ name: "speed", low: 2, high: 50, step: 1, log: true, value: speed, format: (now) => `${now} steps / s`, changed: (now) => (speed = now) });
  const sideOf = (event) => (event.clientX < stage.svg.getBoundingClientRect().left + stage.px(state[0]) ? LEFT : RIGHT);
  dragged(stage.svg, (event) => grab(whole, sideOf(event)), release);

  const whole = html(
    "div",
    { class: "dqnkit-cart", tabindex: -1, "data-lm-suppress-shortcuts": "true" },
    html("div", { class: "stage" }, stage.svg),
    html(
      "div",
      {},
      html("div", {}, number, html("span", { class: "unit" }, " return (rewards so far)")),
      reward,
      html("table", { "aria-label": "observation" }, html("caption", { style: "text-align: left; font-weight: 600" }, "observation, 4 numbers"), ...rows),
      ending,
      earlier,
    ),
    html("div", { class: "row wide" }, left, right, again, html("label", {}, byItself, "time runs by itself"), pace),
    html("div", { class: "unit wide" }, "Press a button, the picture left or right of the cart, or an arrow key. While you hold it, time runs."),
    said,
  );
  let byKey = false;
  const capture = true; // before the control that has the focus
  const press = (event) => {
    const action = { ArrowLeft: LEFT, ArrowRight: RIGHT }[event.key];
    if (action === undefined || event.target === pace.input) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) hold(action);
    byKey = true;
  };
  const letGo = () => {
    if (byKey) release();
    byKey = false;
  };
  whole.addEventListener("keydown", press, capture);
  whole.addEventListener("keyup", letGo);
  whole.addEventListener("focusout", letGo);
  el.append(html("style", {}, CART_STYLE), whole);
  reset();
  return followWidth(stage.svg.parentElement, (width) => {
    stage.fit(Math.min(width, 600));
    show();
  });
}
