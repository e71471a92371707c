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
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) delete form.dataset.sent;
});
