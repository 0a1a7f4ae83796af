// The projector's page: the question with its answers, the wall, the mistake of the hour. No student can be told from it.

import { byId, connect, drawAnswers, drawWall, element, plural, themeButton } from "./draw.js";

const address = document.body.dataset.address;
const ROW = 3; // the height of a course of the wall, in the size of the type
const laid = new Map(); // exercise -> bricks so far
let shown = ""; // the question and its stage that were drawn last
let spokenAt = 0;

function show(picture) {
  byId("class").textContent = picture.class;
  byId("students").textContent = picture.students;
  byId("joining").replaceChildren(
    ...(picture.joining ? ["join(", element("span", { class: "code" }, `"${picture.code}"`), ")"] : ["closed to new students"]),
  );
  byId("joining").hidden = !picture.question;
  showStage(picture);
  const bricks = byId("bricks"), font = parseFloat(getComputedStyle(bricks).fontSize);
  drawWall(bricks, picture.wall, picture.students, laid, Math.max(2, Math.floor((bricks.clientHeight - 1.6 * font) / (ROW * font))));
  showMistake(picture.mistake);
  speak(picture);
}

function showStage(picture) {
  const stage = byId("stage"), question = picture.question;
  if (!question) {
    stage.replaceChildren(howToJoin(picture));
    stage.style.fontSize = "";
    shown = "";
    return;
  }
  const now = `${question.id} ${question.stage}`, isNew = now !== shown;
  if (isNew) {
    stage.replaceChildren(
      element("h2", {}, question.lesson),
      element("p", { class: question.text.length > 120 ? "asked long" : "asked" }, question.text),
      element("p", { class: "how-many soft" }),
      element("div", { class: "answers grow" }),
    );
    shown = now;
  }
  const answers = stage.querySelector(".answers"), many = stage.querySelector(".how-many");
  if (question.stage === "closed") {
    stage.style.fontSize = "";
    many.textContent = "";
    answers.replaceChildren(
      element(
        "p",
        { class: "answered" },
        element("span", { class: "number" }, String(question.answered)),
        element("span", { class: "soft" }, `of ${plural(picture.students, "student")} have predicted`),
      ),
      gauge(question.answered, picture.students),
    );
    return;
  }
  const late = question.answered - question.counted;
  many.textContent = plural(question.counted, "prediction") + (late > 0 ? `; ${late} more came after it was opened` : "");
  drawAnswers(answers, question, isNew && question.stage === "revealed");
  fit(stage);
}

/** Make the type smaller until everything is on the screen: nobody can scroll a projector. */
function fit(stage) {
  for (const size of [1, 0.92, 0.85, 0.78, 0.7, 0.62]) {
    stage.style.fontSize = `${size}em`;
    if (stage.scrollHeight <= stage.clientHeight) return;
  }
}

function gauge(part, whole) {
  const bar = element("div");
  bar.style.width = `${(100 * part) / Math.max(whole, part, 1)}%`;
  return element("div", { class: "gauge" }, bar);
}

function howToJoin(picture) {
  if (!picture.joining) return element("div", { class: "join" }, element("p", {}, "The class is closed to new students."));
  return element(
    "div",
    { class: "join" },
    element("p", { class: "soft" }, "Join from your notebook, in a new cell:"),
    element("p", { class: "code" }, "from dqnkit.classroom import join", element("br"), `join("${picture.code}", at="${address}")`),
    element("p", { class: "code big" }, picture.code),
    element("p", { class: "soft" }, "You are asked before anything is sent. Nobody needs to give a name."),
  );
}

function showMistake(mistake) {
  byId("mistake").replaceChildren(
    ...(mistake
      ? [
          element("h2", {}, "Mistake of the hour: ", element("b", {}, mistake.exercise), `, ${plural(mistake.students, "student")}`),
          element("p", {}, mistake.sentence.replaceAll("`", "")),
        ]
      : [element("h2", {}, "Mistake of the hour"), element("p", { class: "soft" }, "None yet that several have made.")]),
  );
}

/** A line for screen readers, at most every five seconds. */
function speak(picture) {
  if (Date.now() - spokenAt < 5000) return;
  spokenAt = Date.now();
  const asked = picture.question ? `${plural(picture.question.answered, "prediction")}, ${picture.question.stage}. ` : "";
  const passed = picture.wall.reduce((sum, row) => sum + row.passed, 0);
  byId("spoken").textContent = `${plural(picture.students, "student")}. ${asked}${plural(passed, "check")} passed.`;
}

themeButton();
connect("projector", show);
