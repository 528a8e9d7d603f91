// Puts the reader's time beside UTC: in texts, at the axes, and in the calendars, whose hours move to the reader's days.
"use strict";
(() => {
  const HOUR = 3600e3, pad = (n) => String(n).padStart(2, "0");
  const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = (t) => `${t.getFullYear()}-${pad(t.getMonth() + 1)}-${pad(t.getDate())}`;
  const named = (t) => `${DAYS[t.getDay()]} ${t.getDate()} ${MONTHS[t.getMonth()]}`;
  const clock = (t) => `${pad(t.getHours())}:${pad(t.getMinutes())}`;
  const utc = (t) => `${pad(t.getUTCHours())}:${pad(t.getUTCMinutes())}`;
  const utcDay = (t) => t.toISOString().slice(0, 10);
  const now = new Date(document.body.dataset.now * 1000);
  const offset = -now.getTimezoneOffset(), sign = offset < 0 ? "−" : "+", size = Math.abs(offset);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "your zone";
  const shift = `UTC${sign}${Math.floor(size / 60)}${size % 60 ? ":" + pad(size % 60) : ""}`;
  const there = offset === 0; // the reader's own time is UTC: nothing to put beside it

  for (const node of document.querySelectorAll("time")) {
    const t = new Date(node.dateTime);
    const beside = (day(t) === utcDay(t) ? "" : utcDay(t) + " ") + utc(t);
    if (t.getTimezoneOffset() !== 0) node.textContent = `${day(t)} ${clock(t)} (${beside} UTC)`;
  }
  for (const node of document.querySelectorAll(".zone")) {
    node.textContent = there ? "UTC, which is your own time" : `${zone}, ${shift}, with UTC beside it`;
  }
  for (const figure of document.querySelectorAll("figure[data-ticks]")) {
    const ticks = figure.dataset.ticks.split(" ");
    figure.querySelectorAll(".axis.x text").forEach((text, place) => {
      const t = new Date(ticks[place] * 1000);
      if (!ticks[place] || t.getTimezoneOffset() === 0) return;
      text.textContent = clock(t);
      const below = text.cloneNode();
      below.textContent = `${utc(t)}Z`;
      below.setAttribute("class", "utc");
      below.setAttribute("y", Number(text.getAttribute("y")) + 14);
      text.after(below);
    });
  }

  const WORST = "bpweughm"; // of two hours in one place, when a clock is put back: the worse is seen
  for (const calendar of document.querySelectorAll(".calendar")) {
    const grid = calendar.querySelector(".grid"), tell = calendar.querySelector(".tell");
    const start = grid.dataset.start * 1000, days = Number(grid.dataset.days);
    const cells = [...grid.querySelectorAll("i")], rows = new Map();
    cells.forEach((cell, place) => {
      const hour = (days - 1 - Math.floor(place / 24)) * 24 + (place % 24);
      cell.time = new Date(start + hour * HOUR);
    });
    if (!there) {
      const seen = cells.filter((cell) => cell.className !== "f");
      for (const cell of cells) if (cell.className === "f") cell.remove();
      for (const label of [...grid.querySelectorAll("b")]) label.remove();
      const put = (text, column, row, name) => {
        const label = document.createElement("b");
        label.textContent = text;
        label.className = name;
        label.style.gridColumn = column;
        label.style.gridRow = row;
        grid.append(label);
      };
      const dates = [...new Set(seen.map((cell) => day(cell.time)))].sort().reverse();
      dates.forEach((date, place) => rows.set(date, place + 3));
      for (const cell of seen) {
        cell.style.gridColumn = cell.time.getHours() + 2;
        cell.style.gridRow = rows.get(day(cell.time));
        cell.style.zIndex = WORST.indexOf(cell.className);
      }
      for (const [date, row] of rows) put(named(new Date(date + "T12:00")).slice(4), 1, row, "day");
      put("UTC", 1, 2, "day");
      for (let hour = 0; hour < 24; hour += 3) {
        put(pad(hour), hour + 2, 1, "hour");
        const minutes = (((hour * 60 - offset) % 1440) + 1440) % 1440;
        put(pad(Math.floor(minutes / 60)) + (minutes % 60 ? `:${pad(minutes % 60)}` : ""), hour + 2, 2, "hour");
      }
    }
    const say = (event) => {
      const t = event.target.time;
      if (!t || event.target.className === "f") return;
      const end = new Date(t.getTime() + HOUR), name = calendar.dataset[event.target.className];
      const own = `${named(t)} ${clock(t)}–${clock(end)}`;
      const beside = `${utcDay(t) === day(t) ? "" : utcDay(t) + " "}${utc(t)}–${utc(end)} UTC`;
      tell.textContent = `${there ? `${own} UTC` : `${own} (${beside})`}: ${name}`;
    };
    grid.addEventListener("pointerover", say);
    grid.addEventListener("click", say);
  }
})();
