"use strict";
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  /** An element with text in it; names of the data only ever come in as text. */
  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  /** A name from the data: isolated, so that its direction of writing does not reach its neighbours. */
  function named(text, className) {
    return make("bdi", className, text);
  }

  function data(name) {
    const element = document.getElementById("data-" + name);
    return element === null ? null : JSON.parse(element.textContent);
  }

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const grouped = (number) => number.toLocaleString("en-US");

  // -- light and dark ----------------------------------------------------------------------------------------

  const watching = [];

  function isDark() {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : dark.matches;
  }

  function setUpTheme() {
    const button = document.querySelector(".theme");
    const show = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", isDark() ? "Show in light colours" : "Show in dark colours");
      watching.forEach((told) => told());
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      show();
    });
    dark.addEventListener("change", show);
    show();
  }

  // -- contents and paper ------------------------------------------------------------------------------------

  function setUpContents() {
    const links = new Map();
    for (const link of document.querySelectorAll(".contents a")) links.set(link.hash.slice(1), link);
    const visible = new Set();
    const mark = () => {
      let current = null;
      for (const [name, link] of links) {
        link.removeAttribute("aria-current");
        if (current === null && visible.has(name)) current = link;
      }
      if (current) current.setAttribute("aria-current", "true");
    };
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) visible.add(entry.target.id);
        else visible.delete(entry.target.id);
      }
      mark();
    }, { rootMargin: "-10% 0px -60% 0px" });
    for (const section of document.querySelectorAll("main section")) observer.observe(section);
  }

  function setUpPaper() {
    let opened = [];
    window.addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      opened.forEach((details) => { details.open = true; });
    });
    window.addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
  }

  // -- a field that offers what fits -------------------------------------------------------------------------

  /**
   * A text field with a list of what fits below it.
   * find(text) gives up to twenty [number, key, name]; choose(number) is told what was taken.
   */
  function setUpField(input, list, find, choose) {
    let offered = [];
    let active = -1;

    function close() {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function activate(place) {
      active = place;
      [...list.children].forEach((line, index) => line.setAttribute("aria-selected", String(index === active)));
      if (active < 0) return;
      input.setAttribute("aria-activedescendant", list.children[active].id);
      list.children[active].scrollIntoView({ block: "nearest" });
    }

    function take(place) {
      const [number, key, name] = offered[place];
      input.value = name === null ? key : name;
      close();
      choose(number);
    }

    function offer() {
      offered = input.value.trim() === "" ? [] : find(input.value.trim());
      list.replaceChildren(...offered.map(([, key, name], place) => {
        const line = make("li");
        line.id = list.id + "-" + place;
        line.setAttribute("role", "option");
        line.append(named(name === null ? key : name));
        if (name !== null) line.append(make("span", "count", " " + key));
        line.addEventListener("pointerdown", (event) => { event.preventDefault(); take(place); });
        return line;
      }));
      list.hidden = offered.length === 0;
      input.setAttribute("aria-expanded", String(offered.length > 0));
      activate(offered.length > 0 ? 0 : -1);
      if (offered.length === 0) input.removeAttribute("aria-activedescendant");
    }

    input.addEventListener("input", offer);
    input.addEventListener("focus", () => input.select());
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      const count = offered.length;
      if (event.key === "Escape") close();
      else if (event.key === "Enter" && count > 0 && !list.hidden) { event.preventDefault(); take(Math.max(active, 0)); }
      else if (event.key === "Enter") choose(null);
      else if (event.key === "ArrowDown" && count > 0) { event.preventDefault(); activate((active + 1) % count); }
      else if (event.key === "ArrowUp" && count > 0) { event.preventDefault(); activate((active + count - 1) % count); }
    });
  }

  /** Entries whose key or name is, begins with or holds a text, in this order; at most twenty. */
  function finder(keys, names) {
    const folded = keys.map((key, number) => [plain(key), names === null ? "" : plain(names[number])]);
    return (text) => {
      const wanted = plain(text);
      const found = [[], [], []];
      for (let number = 0; number < keys.length; number += 1) {
        const pair = folded[number];
        if (pair[0] === wanted || pair[1] === wanted) found[0].push(number);
        else if (pair[0].startsWith(wanted) || pair[1].startsWith(wanted)) found[1].push(number);
        else if (pair[0].includes(wanted) || pair[1].includes(wanted)) found[2].push(number);
      }
      return found.flat().slice(0, 20).map((number) => [
        number, keys[number], names === null || names[number] === keys[number] ? null : names[number],
      ]);
    };
  }

  // -- map of items ------------------------------------------------------------------------------------------

  const FULL = 65535;

  function setUpMap(box, catalogue) {
    const map = data(box.dataset.source);
    if (map === null || catalogue === null || map.x.length === 0) return;
    const live = box.querySelector(".live");
    const canvas = live.querySelector("canvas");
    const tip = live.querySelector(".tip");
    const said = live.querySelector("#map-said");
    const pen = canvas.getContext("2d");
    const count = map.x.length;
    let width = 0;
    let height = 0;
    let view = { x: 0, y: 0, zoom: 1 };
    let current = -1;
    let alone = -1;

    const across = (x) => ((x / FULL - view.x) * view.zoom * (width - 40)) + 20;
    const upwards = (y) => ((1 - y / FULL - view.y) * view.zoom * (height - 40)) + 20;
    const sideways = (point) => across(map.x[point]);
    const down = (point) => upwards(map.y[point]);
    const colour = (cluster) => map.colours[isDark() ? "dark" : "light"][cluster];
    const name = (point) => catalogue.names[map.items[point]];

    function draw() {
      const style = getComputedStyle(root);
      const radius = Math.max(1.3, Math.min(5, 90 / Math.sqrt(count))) * Math.sqrt(view.zoom);
      pen.setTransform(window.devicePixelRatio, 0, 0, window.devicePixelRatio, 0, 0);
      pen.clearRect(0, 0, width, height);
      for (const faint of [true, false]) {
        for (let point = 0; point < count; point += 1) {
          const other = alone >= 0 && map.cluster[point] !== alone;
          if (other !== faint) continue;
          pen.globalAlpha = other ? 0.08 : 0.75;
          pen.fillStyle = colour(map.cluster[point]);
          pen.beginPath();
          pen.arc(sideways(point), down(point), radius, 0, 2 * Math.PI);
          pen.fill();
        }
      }
      pen.globalAlpha = 1;
      drawCentres(style);
      if (current >= 0) {
        pen.strokeStyle = style.getPropertyValue("--ring").trim();
        pen.lineWidth = 2;
        pen.fillStyle = colour(map.cluster[current]);
        pen.beginPath();
        pen.arc(sideways(current), down(current), radius + 3, 0, 2 * Math.PI);
        pen.fill();
        pen.stroke();
      }
    }

    /** Crosses at the centres of the clusters, and their numbers, outlined so that they can be read on any colour. */
    function drawCentres(style) {
      pen.font = "bold 14px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineJoin = "round";
      pen.fillStyle = style.getPropertyValue("--text").trim();
      map.clusters.forEach((cluster, number) => {
        if (alone >= 0 && number !== alone) return;
        const x = across(cluster.x);
        const y = upwards(cluster.y);
        for (const [colour, thick] of [["--picture", 5], ["--text", 2]]) {
          pen.strokeStyle = style.getPropertyValue(colour).trim();
          pen.lineWidth = thick;
          pen.beginPath();
          pen.moveTo(x - 4, y - 4);
          pen.lineTo(x + 4, y + 4);
          pen.moveTo(x - 4, y + 4);
          pen.lineTo(x + 4, y - 4);
          pen.stroke();
        }
        pen.strokeStyle = style.getPropertyValue("--picture").trim();
        pen.lineWidth = 4;
        pen.strokeText(String(number + 1), x + 14, y - 8);
        pen.fillText(String(number + 1), x + 14, y - 8);
      });
    }

    let planned = false;
    function redraw() {
      if (planned) return;
      planned = true;
      requestAnimationFrame(() => { planned = false; draw(); });
    }

    function about(point) {
      const item = map.items[point];
      const lines = [];
      if (catalogue.by) lines.push(catalogue.by_names[catalogue.by[item]] || "");
      if (catalogue.genres && catalogue.genres[item].length) {
        lines.push(catalogue.genres[item].map((genre) => catalogue.genre_names[genre]).join(", "));
      }
      const cluster = map.clusters[map.cluster[point]];
      lines.push("cluster " + (map.cluster[point] + 1) + (cluster.name ? ": " + cluster.name : ""));
      return lines.filter((line) => line);
    }

    function select(point, speak) {
      current = point;
      tip.hidden = point < 0;
      if (point >= 0) {
        const lines = about(point);
        const title = make("strong");
        title.append(named(name(point)));
        tip.replaceChildren(title, ...lines.map((line) => make("span", "", line)));
        if (speak) said.textContent = [name(point), ...lines].join("; ");
        const x = sideways(point);
        const y = down(point);
        const left = Math.max(4, Math.min(width - tip.offsetWidth - 4, x + 14));
        const top = y + 14 + tip.offsetHeight < height ? y + 14 : Math.max(4, y - tip.offsetHeight - 14);
        tip.style.left = left + "px";
        tip.style.top = top + "px";
      }
      redraw();
    }

    function nearest(x, y, within) {
      let best = -1;
      let least = within * within;
      for (let point = 0; point < count; point += 1) {
        if (alone >= 0 && map.cluster[point] !== alone) continue;
        const far = (sideways(point) - x) ** 2 + (down(point) - y) ** 2;
        if (far < least) { least = far; best = point; }
      }
      return best;
    }

    /** The closest point that lies within 45 degrees of a direction. */
    function towards(dx, dy) {
      const x = sideways(current);
      const y = down(current);
      let best = -1;
      let least = Infinity;
      for (let point = 0; point < count; point += 1) {
        if (point === current || (alone >= 0 && map.cluster[point] !== alone)) continue;
        const px = sideways(point) - x;
        const py = down(point) - y;
        const along = px * dx + py * dy;
        const aside = Math.abs(px * dy) + Math.abs(py * dx);
        if (along <= 0.5 || aside > along) continue;
        const far = along + aside;
        if (far < least) { least = far; best = point; }
      }
      return best;
    }

    function limit() {
      const most = 1 - 1 / view.zoom;
      view.x = Math.max(0, Math.min(most, view.x));
      view.y = Math.max(0, Math.min(most, view.y));
      canvas.classList.toggle("zoomed", view.zoom > 1);
    }

    function zoomTo(zoom, centreX, centreY) {
      view.zoom = Math.max(1, Math.min(40, zoom));
      view.x = centreX - 0.5 / view.zoom;
      view.y = centreY - 0.5 / view.zoom;
      limit();
      select(current, false);
    }

    function zoomBy(factor) {
      const x = current >= 0 ? map.x[current] / FULL : view.x + 0.5 / view.zoom;
      const y = current >= 0 ? 1 - map.y[current] / FULL : view.y + 0.5 / view.zoom;
      zoomTo(view.zoom * factor, x, y);
    }

    /** Bring a point that lies outside into the middle. */
    function show(point, speak) {
      const outside = sideways(point) < 0 || sideways(point) > width || down(point) < 0 || down(point) > height;
      if (outside) zoomTo(view.zoom, map.x[point] / FULL, 1 - map.y[point] / FULL);
      select(point, speak);
    }

    let dragged = null;
    canvas.addEventListener("pointermove", (event) => {
      if (dragged !== null && view.zoom > 1 && event.buttons) {
        view.x = dragged.x - (event.offsetX - dragged.atX) / (view.zoom * (width - 40));
        view.y = dragged.y - (event.offsetY - dragged.atY) / (view.zoom * (height - 40));
        limit();
        select(current, false);
        return;
      }
      select(nearest(event.offsetX, event.offsetY, 24), false);
    });
    canvas.addEventListener("pointerdown", (event) => {
      dragged = { x: view.x, y: view.y, atX: event.offsetX, atY: event.offsetY };
      select(nearest(event.offsetX, event.offsetY, 30), false);
    });
    canvas.addEventListener("pointerup", () => { dragged = null; });
    canvas.addEventListener("pointerleave", (event) => {
      dragged = null;
      if (event.pointerType === "mouse" && document.activeElement !== canvas) select(-1, false);
    });
    canvas.addEventListener("dblclick", () => zoomBy(2));
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomBy(event.deltaY < 0 ? 1.25 : 0.8);
    }, { passive: false });
    canvas.addEventListener("focus", () => {
      if (current < 0) select(nearest(width / 2, height / 2, Infinity), true);
    });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.key in steps) {
        event.preventDefault();
        const next = current < 0 ? nearest(width / 2, height / 2, Infinity) : towards(...steps[event.key]);
        if (next >= 0) show(next, true);
      } else if (event.key === "+" || event.key === "=") zoomBy(1.5);
      else if (event.key === "-") zoomBy(1 / 1.5);
      else if (event.key === "Escape") select(-1, false);
    });
    live.querySelector(".closer").addEventListener("click", () => zoomBy(1.6));
    live.querySelector(".farther").addEventListener("click", () => zoomBy(1 / 1.6));

    const legend = live.querySelector(".legend");
    const buttons = map.clusters.map((cluster, number) => {
      const button = make("button");
      button.type = "button";
      button.append(make("span", "dot"), named((number + 1) + (cluster.name ? " " + cluster.name : "")),
        make("span", "count", grouped(cluster.size)));
      button.addEventListener("click", () => only(alone === number ? -1 : number));
      const line = make("li");
      line.append(button);
      legend.append(line);
      return button;
    });

    function only(number) {
      alone = number;
      buttons.forEach((button, other) => button.setAttribute("aria-pressed", String(other === alone)));
      if (alone >= 0 && current >= 0 && map.cluster[current] !== alone) select(-1, false);
      redraw();
    }

    function paint() {
      buttons.forEach((button, number) => { button.firstChild.style.background = colour(number); });
      redraw();
    }

    function measure() {
      width = canvas.clientWidth;
      if (width === 0) return;
      height = Math.round(Math.max(320, Math.min(640, width * 0.68)));
      canvas.style.height = height + "px";
      canvas.width = Math.round(width * window.devicePixelRatio);
      canvas.height = Math.round(height * window.devicePixelRatio);
      draw();
    }

    live.querySelector(".whole").addEventListener("click", () => {
      view = { x: 0, y: 0, zoom: 1 };
      limit();
      only(-1);
      select(-1, false);
    });
    const ids = map.items.map((item) => catalogue.keys === null ? catalogue.names[item] : catalogue.keys[item]);
    const names = map.items.map((item) => catalogue.names[item]);
    setUpField(live.querySelector("input"), live.querySelector(".choices"), finder(ids, names), (point) => {
      if (point === null) return;
      only(-1);
      show(point, true);
    });

    live.hidden = false;
    box.querySelector(".frame").classList.add("on-paper-alone");
    only(-1);
    measure();
    paint();
    watching.push(paint);
    new ResizeObserver(measure).observe(canvas.parentElement);
    canvas.dataset.ready = "true";
  }

  // -- looking up a user -------------------------------------------------------------------------------------

  function setUpLookup(box, catalogue) {
    const users = data(box.dataset.source);
    if (users === null || catalogue === null) return;
    const live = box.querySelector(".live");
    const result = box.querySelector(".result");
    const said = box.querySelector(".said");
    const itemName = (item) => named(catalogue.names[item], "item");

    /** A reason: a text in which {0}, {1} … stand for names. */
    function reason(found) {
      const [text, names] = [users.reasons[found[0]], found.slice(1)];
      const line = make("li");
      for (const part of text.split(/(\{[0-9]+\})/)) {
        const place = /^\{([0-9]+)\}$/.exec(part);
        line.append(place === null ? part : named(users.words[names[Number(place[1])]]));
      }
      return line;
    }

    /** What the score is made of: for each way of taking it apart, its parts, the largest first. */
    function parts(user, at) {
      const box = make("details", "parts");
      box.append(make("summary", "", "What the score is made of"));
      for (const [way, names] of Object.entries(users.parts)) {
        const shares = users.shares[way][user][at].map((share, part) => [share, names[part]]);
        const shown = shares.filter(([share]) => share !== 0).sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
        if (shown.length === 0) continue;
        const line = make("p", "", "by " + way + ": ");
        shown.forEach(([share, part], place) => {
          line.append(place > 0 ? ", " : "", named(part), " " + (share > 0 ? "+" : "\u2212") + Math.abs(share).toFixed(2));
        });
        box.append(line);
      }
      return box;
    }

    function pick(item, at, user) {
      const line = make("li");
      const first = make("div", "line");
      first.append(make("span", "rank", String(at + 1)), itemName(item));
      if (users.held_out[user].includes(item)) {
        const hit = make("span", "hit", "held out");
        hit.title = "this user did play it: it was kept from training, for the test";
        first.append(" ", hit);
      }
      first.append(make("span", "score", users.scores[user][at].toFixed(3)));
      line.append(first);
      const why = make("ul", "why");
      for (const found of users.why[user][at]) why.append(reason(found));
      if (why.children.length) line.append(why);
      if (Object.keys(users.parts).length) line.append(parts(user, at));
      return line;
    }

    function play(item, at, user) {
      const line = make("li");
      line.append(named(catalogue.names[item]));
      const plays = users.plays === null ? null : users.plays[user][at];
      if (plays !== null) line.append(make("span", "count", grouped(plays)));
      return line;
    }

    function half(title, list, empty) {
      const part = make("div");
      part.append(make("h4", "", title), list.children.length ? list : make("p", "", empty));
      return part;
    }

    function show(user) {
      const name = users.names === null ? users.keys[user] : users.names[user];
      const plays = make("ol");
      const picks = make("ol", "picks");
      plays.append(...users.history[user].map((item, at) => play(item, at, user)));
      picks.append(...users.recommended[user].map((item, at) => pick(item, at, user)));
      const title = make("h3", "", "User ");
      title.append(named(name));
      if (name !== users.keys[user]) title.append(make("span", "count", " (" + users.keys[user] + ")"));
      const halves = make("div", "halves");
      const more = users.played[user] - users.history[user].length;
      const known = users.plays === null ? "Plays" : "Plays, most often first";
      halves.append(
        half(known + (more > 0 ? ", " + grouped(more) + " more not shown" : ""), plays, "Nothing in training."),
        half("Recommended", picks, "Nothing is left to recommend."),
      );
      result.replaceChildren(title, halves);
      result.hidden = false;
      said.textContent = "Showing user " + name + ".";
    }

    const input = live.querySelector("input");
    const find = finder(users.keys, users.names);
    setUpField(input, live.querySelector(".choices"), find, (user) => {
      if (user !== null) { show(user); return; }
      if (input.value.trim() === "") return;
      const found = find(input.value.trim());
      if (found.length > 0) show(found[0][0]);
      else said.textContent = "This report knows no user with such a key or name.";
    });
    live.querySelector(".any").addEventListener("click", () => {
      const user = Math.floor(Math.random() * users.keys.length);
      input.value = users.names === null ? users.keys[user] : users.names[user];
      show(user);
    });
    live.hidden = false;
    const first = users.keys.indexOf(box.dataset.example);
    if (first >= 0) { show(first); said.textContent = ""; }
    box.dataset.ready = "true";
  }

  // ----------------------------------------------------------------------------------------------------------

  setUpTheme();
  setUpContents();
  setUpPaper();
  const catalogue = data("catalogue");
  for (const box of document.querySelectorAll(".scatter")) setUpMap(box, catalogue);
  for (const box of document.querySelectorAll(".lookup")) setUpLookup(box, catalogue);
})();
