// The instructor's page: the buttons, who asked for help, the mistakes, and progress files for those without a connection.

import { byId, connect, drawAnswers, drawWall, element, plural, themeButton } from "./draw.js";

const STAGES = { closed: "closed: only the number of answers shows", open: "open: all see the answers", revealed: "what happened is shown" };
const laid = new Map();
let shown = "";
let next = "";

async function send(path, body, fallback) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const said = await answer.json();
    return answer.ok ? { ok: true, said } : { ok: false, said: said.error ?? fallback };
  } catch {
    return { ok: false, said: "The server does not answer. Try again." };
  }
}

async function act(action, more = {}) {
  const answer = await send("api/control", JSON.stringify({ action, ...more }), "It was not done.");
  byId("said").textContent = answer.ok ? "" : answer.said;
}

function show(picture) {
  const question = picture.preview;
  byId("class").textContent = picture.class;
  byId("students").textContent = picture.students;
  byId("joining").replaceChildren("code ", element("b", { class: "code" }, picture.code));
  byId("taken").checked = picture.joining;
  next = picture.next;
  showQuestions(picture.questions, question?.id ?? "");
  const stage = question?.stage ?? "";
  byId("stage-word").textContent = STAGES[stage] ?? "the projector shows how to join";
  for (const id of ["open", "close", "reveal"]) byId(id).disabled = !question;
  byId("next").disabled = !next;
  const step = !question ? "next" : { closed: "open", open: "reveal", revealed: "next" }[stage];
  for (const id of ["open", "close", "reveal", "next"]) byId(id).classList.toggle("next-step", id === step && !byId(id).disabled);
  showPreview(question);
  showHands(picture.hands);
  byId("mistakes").replaceChildren(
    ...(picture.mistakes.length ? picture.mistakes.map(mistakeLine) : [element("li", { class: "soft" }, "None yet.")]),
  );
  drawWall(byId("bricks"), picture.wall, picture.students, laid, 99);
}

function showQuestions(questions, chosen) {
  const select = byId("question");
  const label = (each) => `${each.lesson}: ${each.text.length > 70 ? `${each.text.slice(0, 70)}…` : each.text} (${plural(each.answered, "answer")})`;
  if (select.options.length !== questions.length + 1) {
    select.replaceChildren(select.options[0], ...questions.map((each) => element("option", { value: each.id })));
  }
  questions.forEach((each, i) => {
    const option = select.options[i + 1], said = label(each);
    if (option.textContent !== said) option.textContent = said;
  });
  if (document.activeElement !== select) select.value = chosen;
}

function showPreview(question) {
  const preview = byId("preview"), now = question ? question.id : "";
  if (!question) {
    if (shown || !preview.children.length) preview.replaceChildren(element("p", { class: "soft" }, "Choose a question, or press Next."));
  } else {
    if (now !== shown) {
      preview.replaceChildren(element("p", { class: "asked" }), element("p", { class: "how-many soft" }), element("div", { class: "answers" }));
    }
    preview.querySelector(".asked").textContent = question.text;
    const late = question.answered - question.counted;
    const more = late > 0 ? `; ${late} came after it was opened and count when you close and open it again` : "";
    const runs = question.drawing.runs ? `, ${plural(question.drawing.runs, "run")} to reveal` : ", no run to reveal yet";
    preview.querySelector(".how-many").textContent = `${plural(question.counted, "prediction")}${runs}${more}`;
    drawAnswers(preview.querySelector(".answers"), question, false);
  }
  shown = now;
}

function showHands(hands) {
  const list = byId("hands");
  const seen = JSON.stringify(hands);
  if (list.dataset.seen === seen) return; // the focus stays on its button
  list.dataset.seen = seen;
  list.replaceChildren(
    ...hands.map((hand) => {
      const at = new Date(hand.since).toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
      const done = element("button", { type: "button", "aria-label": `${hand.who}: helped` }, "Helped");
      done.addEventListener("click", () => act("lower", { student: hand.student }));
      return element("li", { class: "hand" }, element("b", {}, hand.who), element("span", {}, hand.note), element("span", { class: "soft" }, `since ${at}`), done);
    }),
  );
  if (!hands.length) list.append(element("li", { class: "soft" }, "Nobody has raised a hand."));
}

function mistakeLine(mistake) {
  return element(
    "li",
    {},
    element("b", {}, `${mistake.exercise}, ${plural(mistake.students, "student")}: `),
    mistake.sentence.replaceAll("`", ""),
  );
}

async function take(files) {
  for (const file of files) {
    const line = element("li", {}, `${file.name} …`);
    byId("dropped").prepend(line);
    const answer = await send("api/record", file, "it was not taken");
    line.textContent = answer.ok ? `✓ ${file.name}: ${plural(answer.said.new, "new event")} of ${answer.said.events}` : `✗ ${file.name}: ${answer.said}`;
  }
}

for (const action of ["open", "close", "reveal", "next"]) byId(action).addEventListener("click", () => act(action));
byId("question").addEventListener("change", (event) => act("show", { question: event.target.value }));
byId("taken").addEventListener("change", (event) => act("join", { taken: event.target.checked }));
byId("files").addEventListener("change", async (event) => {
  await take([...event.target.files]);
  event.target.value = "";
});
const drop = byId("drop");
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take([...event.dataTransfer.files]);
});
themeButton();
connect("instructor", show);
