// Videos side by side that play together: a button, and a slider for the frame. All frames of a video are in one image.
function render({ model, el }) {
  const { videos, rate } = model.get("about");
  const longest = Math.max(...videos.map((video) => video.frames));
  let at = 0;
  let stop = null;

  const windows = videos.map(({ name, description, sheet, width, height, frames, columns }) => {
    const canvas = html("canvas", { role: "img", "aria-label": description, width, height, style: "max-width: 100%" });
    const image = new Image();
    const draw = () => {
      const frame = at % frames; // a shorter video begins again
      const [left, top] = [(frame % columns) * width, Math.floor(frame / columns) * height];
      canvas.getContext("2d").drawImage(image, left, top, width, height, 0, 0, width, height);
    };
    image.addEventListener("load", draw);
    image.src = sheet;
    return { draw, element: html("figure", { style: "margin: 0; min-width: 0" }, html("strong", {}, name), canvas) };
  });
  const draw = eachFrame(el, () => windows.forEach((window) => window.draw()));
  const format = (frame) => `${frame + 1}\u00a0of\u00a0${longest}`;
  const chosen = (frame) => {
    pause();
    show(frame);
  };
  const place = slider({ name: "frame", low: 0, high: longest - 1, step: 1, value: 0, format, changed: chosen });
  place.style.flex = `0 1 ${videos[0].width}px`;
  const play = button("", () => (stop ? pause() : start()));
  play.style.minWidth = "84px";

  function show(frame) {
    at = frame;
    place.set(at);
    draw();
  }
  function start() {
    let exact = at;
    play.textContent = "❚❚ Pause";
    stop = animate((seconds) => {
      exact = (exact + seconds * rate) % longest;
      if (Math.floor(exact) !== at) show(Math.floor(exact));
      return el.isConnected; // no kernel tells a page that the cell was cleared
    });
  }
  function pause() {
    stop?.();
    stop = null;
    play.textContent = "▶ Play";
  }

  const row = html("div", { style: "display: flex; gap: 16px; margin-bottom: 6px" }, ...windows.map((window) => window.element));
  el.append(row, html("div", { class: "row" }, play, place));
  // whoever asked for less motion starts it
  if (isCalm()) pause();
  else start();
}
