// Q-values as a landscape over two state dimensions: a mesh that the hand turns, values under the pointer, and the run's
// curve as a play bar. Height is the value; colour says which action has the largest value there.
const WORST = Math.SQRT2; // half the floor's diagonal, for a floor with sides of 2
const LABELS = 62; // pixels below the floor for the names of its axes

/** The values [moments, rows, columns, actions] of a run, and what is drawn of one moment. */
class Surface {
  constructor(values, { shape, axes, colours }) {
    [this.moments, this.rows, this.columns, this.actions] = shape;
    this.values = values;
    this.axes = axes;
    this.colours = colours;
    this.order = [...Array((this.rows - 1) * (this.columns - 1)).keys()];
  }

  q(row, column, action) {
    return this.values[((this.moment * this.rows + row) * this.columns + column) * this.actions + action];
  }
  /** The number of the action with the largest value; the first of equal ones. */
  best(row, column) {
    let best = 0;
    for (let action = 1; action < this.actions; action++) {
      if (this.q(row, column, action) > this.q(row, column, best)) best = action;
    }
    return best;
  }
  /** The height at a point of the grid: the value of one action, or with action −1 the largest. */
  value(row, column, action) {
    return this.q(row, column, action < 0 ? this.best(row, column) : action);
  }
  x(column) {
    return this.axes.x.low + (column / (this.columns - 1)) * (this.axes.x.high - this.axes.x.low);
  }
  y(row) {
    return this.axes.y.low + (row / (this.rows - 1)) * (this.axes.y.high - this.axes.y.low);
  }

  /** Choose what is shown: heights as shares of the axis, and of each patch its best action and its colour. */
  choose(moment, action) {
    if (moment === this.moment && action === this.action) return;
    [this.moment, this.action] = [moment, action];
    const { rows, columns } = this;
    const { low, high } = this.axes.z;
    this.heights = Float64Array.from({ length: rows * columns }, (_, at) => {
      return (this.value(Math.floor(at / columns), at % columns, action) - low) / (high - low);
    });
    this.holes = this.heights.filter((height) => !Number.isFinite(height)).length;
    this.patchAction = [];
    this.patchColour = [];
    for (let row = 0; row < rows - 1; row++) {
      for (let column = 0; column < columns - 1; column++) {
        const corners = this.corners(row, column).map((at) => this.heights[at]);
        const best = this.patchBest(row, column);
        this.patchAction.push(best);
        this.patchColour.push(corners.every(Number.isFinite) ? this.#lit(this.colours[best], corners) : null);
      }
    }
    this.regions = this.#regions();
  }

  /** For each action that is best in much of the grid, the number of the point deepest inside that region. */
  #regions() {
    const all = Array.from(this.heights, (_, at) => this.best(Math.floor(at / this.columns), at % this.columns));
    const places = new Map();
    for (const action of new Set(all)) {
      const [inside, outside] = [[], []];
      for (const [at, best] of all.entries()) {
        (best === action ? inside : outside).push([at % this.columns, Math.floor(at / this.columns), at]);
      }
      if (!outside.length || inside.length < 0.06 * all.length) continue;
      const depth = ([x, y]) => {
        const edge = Math.min(x, y, this.columns - 1 - x, this.rows - 1 - y) + 1.5;
        let least = edge * edge; // squares of distances: no root for each pair of points
        for (const [a, b] of outside) least = Math.min(least, (a - x) * (a - x) + (b - y) * (b - y));
        return least;
      };
      places.set(action, inside.map((place) => [depth(place), place[2]]).reduce((a, b) => (b[0] > a[0] ? b : a))[1]);
    }
    return places;
  }

  /** The four corners of a patch, around it, as numbers of grid points. */
  corners(row, column) {
    const at = row * this.columns + column;
    return [at, at + 1, at + this.columns + 1, at + this.columns];
  }
  /** The action that is best in the mean of a patch's corners. */
  patchBest(row, column) {
    let best = 0;
    let most = -Infinity;
    for (let action = 0; action < this.actions; action++) {
      let sum = 0;
      for (const [down, right] of [[0, 0], [0, 1], [1, 0], [1, 1]]) sum += this.q(row + down, column + right, action);
      if (sum > most) [best, most] = [action, sum];
    }
    return best;
  }
  /** A colour in light from the left: slopes that face it are lighter. */
  #lit(colour, [a, b, c, d]) {
    const light = Math.tanh(10 * ((b + c - a - d) / 2 - (c + d - a - b) / 4));
    return light > 0 ? mixed(0.2 * light, colour, "#FFFFFF") : mixed(-0.2 * light, colour, "#000000");
  }
}

/** Where points of the box lie on the canvas, for a turn and a tilt in degrees. */
class Eye {
  constructor(width, height, turn, tilt) {
    const [around, above] = [(turn * Math.PI) / 180, (tilt * Math.PI) / 180];
    [this.cos, this.sin, this.rise, this.lift] = [Math.cos(around), Math.sin(around), Math.sin(above), Math.cos(above)];
    const [room, widest] = [height - LABELS - 24, (width - 120) / (2 * WORST)];
    // the length of the scale of values beside half a side of the floor: it fills the height when seen from 28 degrees
    const ratio = Math.min(2, Math.max(1.1, (room / widest - 2 * WORST * 0.47) / 0.88));
    const tall = 2 * WORST * this.rise + ratio * this.lift;
    this.scale = Math.min(room / tall, widest);
    this.high = ratio * this.lift * this.scale;
    this.x = width / 2 + 14;
    this.y = (height - LABELS + 14 - tall * this.scale) / 2 + WORST * this.rise * this.scale + this.high;
  }
  /** The pixel of a point in shares of the axes, 0 to 1. */
  place(x, y, z) {
    const [right, depth] = this.#turned(x, y);
    return [this.x + this.scale * right, this.y - this.scale * depth * this.rise - this.high * z];
  }
  /** The distance from the eye of a point of the floor. */
  depth(x, y) {
    return this.#turned(x, y)[1];
  }
  #turned(x, y) {
    const [a, b] = [2 * x - 1, 1 - 2 * y]; // y grows towards the eye, as the rows of a room
    return [a * this.cos - b * this.sin, a * this.sin + b * this.cos];
  }
}

/** Whether a point lies in a convex shape. */
function isInside([x, y], corners) {
  let side = 0;
  for (let i = 0; i < corners.length; i++) {
    const [[ax, ay], [bx, by]] = [corners[i], corners[(i + 1) % corners.length]];
    const turn = Math.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax));
    if (turn && side && turn !== side) return false;
    side = turn || side;
  }
  return true;
}

/** The picture on the canvas. */
class Mesh {
  constructor(canvas, surface, about) {
    Object.assign(this, { canvas, surface, about, turn: 35, tilt: 28 });
    this.probe = [Math.floor(surface.rows / 2), Math.floor(surface.columns / 2)];
    this.pen = canvas.getContext("2d");
  }

  fit(width, height) {
    const sharp = window.devicePixelRatio || 1;
    Object.assign(this, { width, height });
    Object.assign(this.canvas, { width: width * sharp, height: height * sharp });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  }

  draw(action) {
    const style = getComputedStyle(this.canvas);
    [this.ink, this.ground, this.family] = [style.color, style.backgroundColor, style.fontFamily];
    this.eye = new Eye(this.width, this.height, this.turn, this.tilt);
    this.pen.clearRect(0, 0, this.width, this.height);
    const { rows, columns, heights } = this.surface;
    this.points = Array.from(heights, (height, at) => {
      return this.eye.place((at % columns) / (columns - 1), Math.floor(at / columns) / (rows - 1), height);
    });
    this.#box();
    this.#patches();
    this.#known(action);
    this.#names();
    this.#heightAxis(action);
    const taken = this.#marker(action);
    this.#regions(taken);
    if (this.surface.holes) this.#text(12, 14, `holes: ${this.surface.holes} of ${heights.length} values are not finite`, "left");
  }

  /** The row and the column of the grid's point under a pixel; null beside the surface. */
  under(pixel) {
    const { order, columns, patchColour } = this.surface;
    for (let i = order.length - 1; i >= 0; i--) { // the nearest first
      if (!patchColour[order[i]]) continue;
      const corners = this.surface.corners(Math.floor(order[i] / (columns - 1)), order[i] % (columns - 1));
      if (!isInside(pixel, corners.map((at) => this.points[at]))) continue;
      const far = (at) => Math.hypot(this.points[at][0] - pixel[0], this.points[at][1] - pixel[1]);
      const at = corners.reduce((a, b) => (far(b) < far(a) ? b : a));
      return [Math.floor(at / columns), at % columns];
    }
    return null;
  }

  #line(points, width, alpha, colour = this.ink, dash = []) {
    const { pen } = this;
    pen.beginPath();
    for (const point of points) pen.lineTo(...point);
    Object.assign(pen, { lineWidth: width, strokeStyle: colour, globalAlpha: alpha });
    pen.setLineDash(dash);
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }
  #text(x, y, text, align = "center", { bold = false, haloed = false } = {}) {
    const { pen } = this;
    Object.assign(pen, { font: `${bold ? "600 " : ""}12px ${this.family}`, textAlign: align, textBaseline: "middle" });
    if (haloed) {
      Object.assign(pen, { lineWidth: 4, lineJoin: "round", strokeStyle: this.ground });
      pen.strokeText(text, x, y);
    }
    pen.fillStyle = this.ink;
    pen.fillText(text, x, y);
  }

  /** The floor, and on the two far walls a line for each value of the axis; the level is dotted. */
  #box() {
    const { eye } = this;
    const farX = eye.depth(0, 0.5) > eye.depth(1, 0.5) ? 0 : 1;
    const farY = eye.depth(0.5, 0) > eye.depth(0.5, 1) ? 0 : 1;
    const wall = (z) => [eye.place(1 - farX, farY, z), eye.place(farX, farY, z), eye.place(farX, 1 - farY, z)];
    for (let part = 0; part <= 1; part += 0.25) {
      this.#line([eye.place(part, 0, 0), eye.place(part, 1, 0)], 1, 0.14);
      this.#line([eye.place(0, part, 0), eye.place(1, part, 0)], 1, 0.14);
    }
    for (const value of this.#zTicks()) this.#line(wall(this.#share(value)), 1, 0.14);
    this.#line([eye.place(farX, farY, 0), eye.place(farX, farY, 1)], 1, 0.14);
    if (this.about.level) this.#line(wall(this.#share(this.about.level[1])), 2, 1, this.ink, [2, 3]);
  }
  #share(value) {
    const { low, high } = this.about.axes.z;
    return (value - low) / (high - low);
  }
  #zTicks() {
    return ticksOf(this.about.axes.z.low, this.about.axes.z.high, 6);
  }

  /** The patches, the farthest first, so that near ones cover them; a thick line where the best action changes. */
  #patches() {
    const { surface, eye, pen, points } = this;
    const [across, down] = [surface.columns - 1, surface.rows - 1];
    const depths = surface.order.map((_, at) => eye.depth(((at % across) + 0.5) / across, (Math.floor(at / across) + 0.5) / down));
    surface.order.sort((a, b) => depths[b] - depths[a]);
    const drawn = new Set();
    for (const patch of surface.order) {
      const colour = surface.patchColour[patch];
      if (!colour) continue;
      const [row, column] = [Math.floor(patch / across), patch % across];
      const corners = surface.corners(row, column);
      pen.beginPath();
      for (const at of corners) pen.lineTo(...points[at]);
      pen.closePath();
      Object.assign(pen, { fillStyle: colour, strokeStyle: this.ground, lineWidth: 0.6 });
      pen.fill();
      pen.stroke();
      // the neighbours in the order of the corners; false at the edge
      const beside = [row > 0 && patch - across, column < across - 1 && patch + 1];
      beside.push(row < down - 1 && patch + across, column > 0 && patch - 1);
      for (const [side, other] of beside.entries()) {
        if (other === false || !drawn.has(other) || surface.patchAction[other] === surface.patchAction[patch]) continue;
        this.#line([points[corners[side]], points[corners[(side + 1) % 4]]], 2.5, 1);
      }
      drawn.add(patch);
    }
  }
  /** The name of each action where it is best, but not over the marker's text, from x1 to x2 around y. */
  #regions([x1, x2, middle]) {
    for (const [action, at] of this.surface.regions) {
      const [x, y] = this.points[at];
      const half = this.pen.measureText(this.about.actions[action]).width / 2 + 4;
      const isFree = Math.abs(y - middle) > 19 || x + half < x1 || x - half > x2;
      if (isFree && Number.isFinite(y)) this.#text(x, y, this.about.actions[action], "center", { bold: true, haloed: true });
    }
  }

  /** Known values as dots with sticks to the surface, last: a hill must not hide an error. */
  #known(action) {
    const { eye, pen, about, surface } = this;
    const { x, y } = about.axes;
    for (const [px, py, ...values] of about.known) {
      const [a, b] = [(px - x.low) / (x.high - x.low), (py - y.low) / (y.high - y.low)];
      const height = this.#share(action < 0 ? Math.max(...values) : values[action]);
      const [row, column] = [Math.round(b * (surface.rows - 1)), Math.round(a * (surface.columns - 1))];
      const foot = this.points[row * surface.columns + column];
      const top = eye.place(a, b, height);
      if (foot.every(Number.isFinite)) this.#line([foot, top], 2.5, 1, PALETTE.loss.color);
      pen.beginPath();
      pen.arc(...top, 4, 0, 7);
      Object.assign(pen, { fillStyle: PALETTE.reference.color, strokeStyle: "white", lineWidth: 1.2 });
      pen.fill();
      pen.stroke();
    }
  }

  /** Names and values of the floor's axes, along the two near edges. */
  #names() {
    const { eye } = this;
    const { x, y } = this.about.axes;
    const out = (edge, by) => edge + by * (2 * edge - 1);
    const nearX = eye.depth(0, 0.5) < eye.depth(1, 0.5) ? 0 : 1;
    const nearY = eye.depth(0.5, 0) < eye.depth(0.5, 1) ? 0 : 1;
    const along = [
      [x, (part, by) => eye.place(part, out(nearY, by), 0)],
      [y, (part, by) => eye.place(out(nearX, by), part, 0)],
    ];
    for (const [axis, at] of along) {
      for (const part of [0, 0.5, 1]) {
        const [left, top] = at(part, 0.12);
        this.#text(left, top + 7, shown(axis.low + part * (axis.high - axis.low)));
      }
      const [left, top] = at(0.5, 0.3);
      const half = this.pen.measureText(axis.name).width / 2 + 4;
      this.#text(Math.min(this.width - half, Math.max(half, left)), Math.min(this.height - 8, top + 8), axis.name);
    }
  }

  /** The scale of the values, at the leftmost corner of the floor. */
  #heightAxis(action) {
    const { eye, pen } = this;
    const corners = [[0, 0], [0, 1], [1, 0], [1, 1]];
    const corner = corners.reduce((a, b) => (eye.place(...b, 0)[0] < eye.place(...a, 0)[0] ? b : a));
    this.#line([eye.place(...corner, 0), eye.place(...corner, 1)], 1.2, 0.6);
    for (const value of this.#zTicks()) {
      const [x, y] = eye.place(...corner, this.#share(value));
      this.#line([[x - 4, y], [x, y]], 1.2, 0.6);
      this.#text(x - 7, y, shown(value), "right");
    }
    const [x, y] = eye.place(...corner, 0.5);
    pen.save();
    pen.translate(Math.max(9, x - 48), Math.max(this.pen.measureText(this.about.names[action + 1]).width / 2 + 4, y));
    pen.rotate(-Math.PI / 2);
    this.#text(0, 0, this.about.names[action + 1]);
    pen.restore();
  }

  /** The point whose values are read, with its value and its best action beside it; returns where that text is. */
  #marker(action) {
    const [row, column] = this.probe;
    const point = this.points[row * this.surface.columns + column];
    if (!point.every(Number.isFinite)) return [0, 0, -100];
    const { pen } = this;
    pen.beginPath();
    pen.arc(...point, 5, 0, 7);
    Object.assign(pen, { strokeStyle: this.ground, lineWidth: 5 });
    pen.stroke();
    Object.assign(pen, { strokeStyle: this.ink, lineWidth: 2 });
    pen.stroke();
    const best = this.about.actions[this.surface.best(row, column)];
    const text = `${shown(this.surface.value(row, column, action), 4)}, best: ${best}`;
    const isLeft = point[0] > this.width - 150;
    const wide = pen.measureText(text).width;
    const left = point[0] + (isLeft ? -14 - wide : 14);
    Object.assign(pen, { fillStyle: this.ground, globalAlpha: 0.85 });
    pen.fillRect(left - 4, point[1] - 24, wide + 8, 20);
    pen.globalAlpha = 1;
    this.#text(left, point[1] - 14, text, "left");
    return [left - 4, left + wide + 4, point[1] - 14];
  }
}

/** The run's curves; its own one is the last. */
function runChart(about) {
  const y = { ...about.chart.y, name: about.chart.y.name.split(" (")[0] }; // the whole name stands above, by the number
  const chart = new Chart({ x: about.chart.x, y, height: 214, label: about.chart.y.name });
  const draw = (width) => {
    chart.fit(width);
    const { low, high } = about.chart.x;
    const lines = about.curves.map(({ kind, x, y }) => chart.line(x.map((value, at) => [value, y[at] ?? NaN]), kind));
    if (about.level) lines.unshift(chart.line([[low, about.level[1]], [high, about.level[1]]], "reference"));
    chart.data.replaceChildren(...lines);
  };
  const names = about.curves.map(({ name, kind }) => [name, kind]);
  if (about.level) names.push([about.level[0], "reference"]);
  return { chart, draw, legend: lineLegend(names) };
}

const LANDSCAPE_STYLE = `
  .dqnkit-landscape { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 4px 20px; max-width: 980px; }
  .dqnkit-landscape.narrow { grid-template-columns: minmax(0, 1fr); }
  .dqnkit-landscape canvas { background: var(--ground); cursor: grab; }
  .dqnkit-landscape canvas:active { cursor: grabbing; }
  .dqnkit-landscape .swatch { display: inline-block; width: 11px; height: 11px; margin-right: 6px; border: 1px solid var(--line); }
  .dqnkit-landscape canvas:focus-visible { outline-offset: -2px; }
  .dqnkit-landscape .values { display: grid; grid-template-columns: auto 1fr; gap: 0 14px; margin-top: 6px; }
  .dqnkit-landscape .best { font-weight: 600; }
  .dqnkit-landscape .wide { grid-column: 1 / -1; margin: 2px 0 0; }
`;

function landscape(model, el) {
  const about = model.get("about");
  if (!about.shape) {
    el.append(html("div", { style: "height: 440px" }, "Nothing to show yet: train first."));
    return () => {};
  }
  const surface = new Surface(floats(model.get("values")), about);
  let [moment, action] = [surface.moments - 1, -1];
  surface.choose(moment, action);
  const said = speaker();
  const range = { "aria-valuemin": -180, "aria-valuemax": 180 };
  const canvas = ownKeys(html("canvas", { tabindex: 0, role: "slider", "aria-label": "Turn of the landscape", ...range }));
  const mesh = new Mesh(canvas, surface, about);
  const [place, values] = [html("div", { class: "place" }), html("div", { class: "values" })];

  const swatch = (number) => html("span", { class: "swatch", style: `background: ${about.colours[number]}` });

  const draw = eachFrame(el, () => {
    if (!mesh.width) return; // it has no place on the page yet
    surface.choose(moment, action);
    mesh.draw(action);
    read();
  });
  /** Write the numbers of the chosen point. */
  function read() {
    const [row, column] = mesh.probe;
    const { x, y } = about.axes;
    place.textContent = `${x.name}: ${shown(surface.x(column))}; ${y.name}: ${shown(surface.y(row))}`;
    const best = surface.best(row, column);
    const exact = about.known.find(([a, b]) => Math.hypot(a - surface.x(column), b - surface.y(row)) < 1e-6);
    values.replaceChildren(...about.actions.flatMap((name, number) => {
      const look = { class: number === best ? "best" : "" };
      const beside = exact ? ` (exact ${shown(exact[number + 2], 4)})` : "";
      const text = shown(surface.q(row, column, number), 4) + beside + (number === best ? ", largest" : "");
      return [html("span", look, swatch(number), name), html("span", { class: `value ${look.class}` }, text)];
    }));
    const where = `${x.name} ${shown(surface.x(column))}, ${y.name} ${shown(surface.y(row))}`;
    said.say(`${words(moment)} At ${where}: ${shown(surface.q(row, column, best))}, best: ${about.actions[best]}.`);
  }
  function words(at) {
    if (!about.chart) return "";
    const after = `After ${about.updates[at].toLocaleString("en-US")} updates`;
    return `${after}: ${about.chart.y.name} ${shown(about.measured[at] ?? NaN)}.`;
  }
  function show(at) {
    moment = at;
    if (about.chart) {
      updates.say(about.updates[at].toLocaleString("en-US"));
      measured.say(shown(about.measured[at] ?? NaN));
    }
    draw();
  }
  function turn(right, up) {
    mesh.turn = ((mesh.turn + right + 540) % 360) - 180;
    mesh.tilt = Math.min(75, Math.max(8, mesh.tilt + up));
    canvas.setAttribute("aria-valuenow", Math.round(mesh.turn));
    canvas.setAttribute("aria-valuetext", `turned by ${Math.round(mesh.turn)} degrees, seen from ${Math.round(mesh.tilt)} degrees above`);
    draw();
  }
  function look(event) {
    const box = canvas.getBoundingClientRect();
    const found = mesh.under([event.clientX - box.left, event.clientY - box.top]);
    if (found) mesh.probe = found;
    draw();
  }

  let from = [0, 0];
  dragged(canvas, (event, isFirst) => {
    if (isFirst) {
      canvas.focus({ preventScroll: true });
      look(event);
    } else turn(0.5 * (event.clientX - from[0]), 0.3 * (event.clientY - from[1]));
    from = [event.clientX, event.clientY];
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) || look(event));
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!by) return;
    event.preventDefault();
    if (!event.shiftKey) return turn(5 * by[0], 5 * by[1]);
    mesh.probe = [
      Math.min(surface.rows - 1, Math.max(0, mesh.probe[0] - by[1])),
      Math.min(surface.columns - 1, Math.max(0, mesh.probe[1] + by[0])),
    ];
    draw();
  });

  const options = [["largest value", -1], ...about.actions.map((name, number) => [name, number])];
  const heights = choice("Height of the landscape", options, action, (chosen) => {
    action = chosen;
    show(moment);
  });
  for (const number of about.actions.keys()) heights.children[number + 1].prepend(swatch(number));
  const left = html("div", {}, canvas, html("div", { class: "row" }, html("span", {}, "height:"), heights));
  const reading = html("div", {}, place, values);
  const right = html("div", {});
  const hint =
    "Colour: the action with the largest value there. Drag the landscape, or use the arrow keys, to turn it. " +
    "Point at it, or hold Shift with the arrow keys, to read its values.";
  const title = about.title ? [html("strong", { class: "wide" }, about.title)] : [];
  const below = [html("div", { class: "wide unit" }, hint), html("div", { class: "wide" }, about.caption)];
  const whole = html("div", { class: "dqnkit-landscape" }, ...title, left, right, ...below);
  el.append(html("style", {}, LANDSCAPE_STYLE), whole, said);

  let [updates, measured] = [null, null]; // the large numbers
  let run = null;
  let bar = null;
  if (about.chart) {
    run = runChart(about);
    const moments = { moments: about.updates, heights: about.measured.map((value) => value ?? NaN) };
    bar = playBar({ chart: run.chart, name: "Moment of the training", ...moments, words, changed: show });
    updates = tally("updates", about.updates.at(-1).toLocaleString("en-US").length);
    measured = tally(about.chart.y.name, 4);
    const numbers = html("div", { style: "display: flex; gap: 24px; margin-bottom: 4px" }, updates, measured);
    const playing = html("div", { class: "row" }, bar.button, html("span", { class: "unit" }, "or drag along the curve"));
    right.append(numbers, run.legend, run.chart.element, playing);
  }
  right.append(reading);

  const stopWidth = followWidth(el, (width) => {
    const isNarrow = width < 640;
    whole.classList.toggle("narrow", isNarrow);
    mesh.fit(Math.floor(left.clientWidth), isNarrow ? 290 : 400);
    run?.draw(Math.floor(right.clientWidth));
    bar?.draw();
    draw();
  });
  const stopTheme = followTheme(draw);
  turn(0, 0);
  if (bar) bar.set(moment);
  else show(moment);
  return () => {
    bar?.stop();
    stopWidth();
    stopTheme();
  };
}

function render({ model, el }) {
  let stop = landscape(model, el);
  model.on?.("change:values", () => {
    stop();
    el.replaceChildren();
    stop = landscape(model, el);
  });
  return () => stop();
}
