// What a script adds to the console; every page works without it.

// Moments in the person's own time and format: the server knows neither, and writes UTC.
function showTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) {
      element.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
      element.title = element.dateTime;
    }
  }
}

document.addEventListener("DOMContentLoaded", () => showTimes(document));
document.addEventListener("htmx:afterSettle", (event) => showTimes(event.target));

// Copying what is hard to select; without a script it is selected whole by a double click.
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  let copied = true;
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Not over plain http, nor where it is forbidden: there the browser copies what is selected.
    getSelection().selectAllChildren(source);
    copied = document.execCommand("copy");
  }
  const said = button.parentElement.querySelector("[data-copied]");
  said.textContent = copied ? "Copied" : "It is selected: copy it with your keyboard";
}

function offerCopies(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

// A form that makes something is sent once, however often its button is pressed; coming back to it frees it.
function sendOnce(event) {
  if (event.target.matches("[data-once]")) {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  }
}

document.addEventListener("DOMContentLoaded", () => offerCopies(document));
document.addEventListener("submit", sendOnce);
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("[data-once]")) delete form.dataset.sent;
});

// Says aloud what has become of a page that goes on by itself.
document.addEventListener("htmx:afterSettle", () => {
  const state = document.getElementById("live")?.dataset.state;
  const teller = document.getElementById("teller");
  if (state && teller && teller.textContent !== state) teller.textContent = state;
});

// The chosen columns stand out.
function showColumns(table) {
  const place = (name) => table.querySelector(`input[name=${name}]:checked`)?.closest("th").cellIndex;
  const [email, points] = [place("email"), place("points")];
  for (const row of table.rows) {
    for (const cell of row.cells) {
      cell.classList.toggle("is-email", cell.cellIndex === email);
      cell.classList.toggle("is-points", cell.cellIndex === points && points !== email);
    }
  }
}

document.addEventListener("change", (event) => {
  const table = event.target.closest("[data-columns]");
  if (table) showColumns(table);
});

// A click into a column chooses it: as the e-mail address where there is one in it, else as the points.
document.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-columns] td");
  if (!cell) return;
  const table = cell.closest("table");
  const isEmail = [...table.tBodies[0].rows].some((row) => row.cells[cell.cellIndex]?.textContent.includes("@"));
  table.tHead.rows[0].cells[cell.cellIndex].querySelector(`input[name=${isEmail ? "email" : "points"}]`).click();
});

// A button that says how many rows it is for, counts them.
function showCount(button) {
  const count = button.form.querySelectorAll(`input[name=${button.dataset.count}]:checked`).length;
  button.disabled = count === 0;
  button.textContent = count === 1 ? "Try this row again" : `Try these ${count.toLocaleString(document.documentElement.lang)} rows again`;
}

document.addEventListener("change", (event) => {
  const button = event.target.form?.querySelector("button[data-count]");
  if (button && event.target.name === button.dataset.count) showCount(button);
});

// What was chosen before this script was there, or before somebody left the page and came back, counts as well.
addEventListener("pageshow", () => {
  for (const table of document.querySelectorAll("[data-columns]")) showColumns(table);
  for (const button of document.querySelectorAll("button[data-count]")) showCount(button);
});

// A file goes up with a bar that shows how far it is; what breaks off can be tried again with the file still chosen.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("upload");
  if (!form) return;
  const [target, going, problem] = ["target", "going", "problem"].map((name) => form.querySelector(`.${name}`));
  const input = form.querySelector("input[type=file]");
  const bar = going.querySelector("progress");
  let file = null;
  let request = null;
  // Counts what was begun and stopped: whatever belongs to an earlier one has no say any more.
  let turn = 0;
  // What was chosen before this script was there goes up by the button, which may have been pressed already.
  form.classList.toggle("has-script", input.files.length === 0);

  const show = (part) => {
    for (const one of [target, going, problem]) one.hidden = one !== part;
  };
  const fail = (text, canTryAgain) => {
    problem.querySelector(".note").textContent = "";
    problem.querySelector("[data-again]").hidden = !canTryAgain;
    show(problem);
    problem.querySelector(".note").textContent = text;
    problem.querySelector(canTryAgain ? "[data-again]" : "[data-other]").focus();
  };
  const token = () => form.elements.form_token.value;

  async function begin(chosen) {
    file = chosen;
    if (!file) return;
    const mine = ++turn;
    if (file.size === 0) {
      return fail(`“${file.name}” is empty. Export it again, look whether it has something in it, and choose it once more.`, false);
    }
    if (file.size > Number(form.dataset.max)) {
      const size = (file.size / 1e6).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
      return fail(`“${file.name}” has ${size} MB, and ${form.dataset.maxWords} are the most. Split it into several files, or leave out columns that are not needed.`, false);
    }
    going.querySelector(".file-name").textContent = file.name;
    bar.value = 0;
    going.querySelector(".numbers").textContent = "It begins …";
    show(going);
    try {
      const answer = await fetch(form.dataset.slot, { method: "POST", body: new URLSearchParams({ form_token: token() }) });
      if (mine !== turn) return;
      if (answer.status === 401) return fail("You have been signed out meanwhile. Sign in in another tab, then try again.", true);
      if (!answer.ok) throw new Error(String(answer.status));
      const slot = await answer.json();
      if (mine !== turn) return;
      await send(slot.url);
      going.querySelector(".numbers").textContent = "It has arrived.";
      finish(slot.path);
    } catch (error) {
      if (mine !== turn) return;
      fail(
        error.tooLarge
          ? `“${file.name}” is too large: ${form.dataset.maxWords} are the most. Split it into several files.`
          : `The connection broke off before “${file.name}” had arrived. Nothing was imported. Look at your connection, then try again.`,
        !error.tooLarge,
      );
    }
  }

  function send(url) {
    return new Promise((resolve, reject) => {
      request = new XMLHttpRequest();
      request.open("PUT", url);
      request.upload.onprogress = (event) => {
        const share = event.total ? Math.round((100 * event.loaded) / event.total) : 0;
        bar.value = share;
        going.querySelector(".numbers").textContent = `${share} %`;
      };
      request.onload = () =>
        request.status < 300 ? resolve() : reject(Object.assign(new Error(), { tooLarge: request.status === 413 }));
      request.onerror = () => reject(new Error());
      request.onabort = () => reject(new Error());
      request.send(file);
    });
  }

  function finish(path) {
    const made = document.createElement("form");
    made.method = "post";
    made.action = form.dataset.create;
    for (const [name, value] of Object.entries({ form_token: token(), path, name: file.name })) {
      made.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(made);
    made.submit();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin(input.files[0]);
  });
  input.addEventListener("change", () => begin(input.files[0]));
  const ask = () => {
    turn += 1;
    request?.abort();
    form.reset();
    form.classList.add("has-script");
    show(target);
  };
  going.querySelector("[data-stop]").addEventListener("click", () => {
    ask();
    input.focus();
  });
  problem.querySelector("[data-again]").addEventListener("click", () => begin(file));
  problem.querySelector("[data-other]").addEventListener("click", () => {
    ask();
    input.focus();
  });
  addEventListener("pageshow", (event) => {
    // Who comes back to the page brings another file.
    if (event.persisted) ask();
  });
  for (const name of ["dragover", "drop", "dragleave"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.toggle("over", name === "dragover");
      if (name === "drop" && !target.hidden) begin(event.dataTransfer.files[0]);
    });
  }
});
