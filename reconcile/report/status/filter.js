
"use strict";
// Shows only the lines and servers that match. Without this script, the page shows all of them.
const filter = document.querySelector("[role=search]");
const [name, state, count] = filter.querySelectorAll("input, select, output");
const servers = [...document.querySelectorAll("details")];
const nameOf = (server) => server.querySelector("h3").textContent.toLowerCase();
const lines = [...document.querySelectorAll(".overview li")].map((line) => {
  const link = line.querySelector("a");
  const server = document.querySelector(link.hash).closest("details");
  return { line, server, names: `${link.textContent.toLowerCase()} ${nameOf(server)}` };
});
const show = () => {
  const wanted = name.value.trim().toLowerCase();
  for (const server of servers) {
    server.hidden = state.value !== "" || !nameOf(server).includes(wanted);
  }
  let shown = 0;
  for (const { line, server, names } of lines) {
    line.hidden = !names.includes(wanted) || !["", line.dataset.state].includes(state.value);
    if (!line.hidden) {
      server.hidden = false;
      shown += 1;
    }
  }
  count.textContent = `${shown} of ${lines.length}`;
};
filter.hidden = false;
filter.addEventListener("input", show);
show();
