"use strict";
// The script of a report: tables that sort, commands that copy, and figures to point at. It only shows what the
// page's data say; nothing is estimated here.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const networks = data.networks || [];
  const SVG = "http://www.w3.org/2000/svg";
  const HEIGHT = Math.sqrt(3) / 2;

  function add(parent, name, attributes, text) {
    const node = parent instanceof SVGElement || name === "svg"
      ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) node.setAttribute(key, value);
    }
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  }

  // Tables.
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      if (!button.textContent.trim()) button.setAttribute("aria-label", "sort by name");
      head.append(button);
      button.addEventListener("click", () => sort(table, head, column));
    });
  }

  function sort(table, head, column) {
    const numeric = "numeric" in head.dataset;
    const before = head.getAttribute("aria-sort");
    // Numbers begin with the largest, names with the first.
    const down = before ? before === "ascending" : numeric;
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[column];
      if (!numeric) return cell.textContent.trim();
      return "value" in cell.dataset ? Number(cell.dataset.value) : null;
    };
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      // What has no value comes last, whichever way.
      if (a === null || b === null) return (a === null) - (b === null);
      const order = numeric ? a - b : a.localeCompare(b, "en", { numeric: true });
      return down ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
  }

  for (const box of document.querySelectorAll("input[data-table]")) {
    box.checked = true;
    box.addEventListener("change", () => {
      for (const row of document.getElementById(box.dataset.table).rows) {
        row.cells[Number(box.dataset.column)].hidden = !box.checked;
      }
    });
  }

  // Commands.
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      let done = true;
      try {
        await navigator.clipboard.writeText(button.dataset.text);
      } catch {
        // From disk some browsers have no clipboard for scripts: select it, for the reader's own keys.
        const range = document.createRange();
        range.selectNodeContents(button.parentElement.querySelector("code"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        done = document.execCommand("copy");
      }
      button.textContent = done ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // The card of what is pointed at.
  const card = document.getElementById("card");
  function show(target, title, facts) {
    card.replaceChildren();
    if (title) add(card, "b", {}, title);
    const list = add(card, "dl");
    for (const [name, text] of facts) { add(list, "dt", {}, name); add(list, "dd", {}, text); }
    card.hidden = false;
    const box = target.getBoundingClientRect(), size = card.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(width - size.width - 8, box.left + box.width / 2 + 14));
    const above = box.top - size.height - 10;
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(above > 4 ? above : box.bottom + 10) + scrollY}px`;
  }
  const hide = () => { card.hidden = true; };
  function pointed(node, shown) {
    for (const event of ["mouseenter", "focus"]) node.addEventListener(event, shown);
    for (const event of ["mouseleave", "blur"]) node.addEventListener(event, hide);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  let chosen = null;
  function choose(index) {
    chosen = index;
    for (const point of document.querySelectorAll(".point[data-network]")) {
      const same = Number(point.dataset.network) === index;
      point.classList.toggle("chosen", same);
      point.setAttribute("aria-pressed", same);
    }
    draw("clicked");
    draw("curves");
  }

  function point(parent, index, x, y, mark) {
    const network = networks[index];
    const title = [network.role, network.name].filter(Boolean).join(": ");
    const node = add(parent, "g", {
      class: index === chosen ? "point chosen" : "point", tabindex: 0, role: "button", "data-network": index,
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, "aria-pressed": index === chosen,
      "aria-label": network.card.map(([name, text]) => `${name} ${text}`).join("; "),
    });
    add(node, "circle", { r: 14, fill: "transparent" });
    add(node, "circle", { r: 9.5, class: "halo" });
    mark(node);
    pointed(node, () => show(node, title, network.card));
    node.addEventListener("click", () => choose(index));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(index); }
    });
  }

  // Axes.
  function ticks(low, high, most) {
    const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const all = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) all.push(k * step || 0);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return all.map((value) => [value, value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })]);
  }

  function chart(section, { height, x, y, xLabel, yLabel, xTicks, label, log }) {
    const width = section.clientWidth, left = 46, right = 12, top = 26, bottom = 44;
    const svg = add(section, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
    const scale = log ? Math.log2 : Number;
    const X = (v) => left + (width - left - right) * (scale(v) - scale(x[0])) / (scale(x[1]) - scale(x[0]));
    const Y = (v) => height - bottom - (height - top - bottom) * (v - y[0]) / (y[1] - y[0]);
    for (const [value, text] of ticks(y[0], y[1], 6)) {
      add(svg, "line", { class: "grid", x1: left, x2: width - right, y1: Y(value), y2: Y(value) });
      add(svg, "text", { class: "tick", x: left - 6, y: Y(value) + 4, "text-anchor": "end" }, text);
    }
    for (const [value, text] of xTicks || ticks(x[0], x[1], width < 480 ? 4 : 8)) {
      add(svg, "line", { class: "axis", x1: X(value), x2: X(value), y1: height - bottom, y2: height - bottom + 4 });
      add(svg, "text", { class: "tick", x: X(value), y: height - bottom + 17, "text-anchor": "middle" }, text);
    }
    add(svg, "line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom });
    add(svg, "text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel);
    add(svg, "text", { x: 0, y: 12 }, yLabel);
    return { svg, X, Y, left, right: width - right, bottom: height - bottom };
  }

  function legend(section, entries) {
    const list = add(section, "ul", { class: "legend" });
    for (const [text, mark] of entries) {
      const item = add(list, "li");
      mark(add(item, "svg", { width: 22, height: 16, viewBox: "-11 -8 22 16", "aria-hidden": "true" }));
      add(item, "span", {}, text);
    }
  }
  // Marks, for legends and points.
  const dot = (attributes) => (g) => add(g, "circle", { r: 5, ...attributes });
  const dash = (name) => (g) => add(g, "line", { class: name, x1: -10, x2: 10 });
  const path = (name, d) => (g) => add(g, "path", { class: name, d });
  const padded = (low, high, part) => [low - part * (high - low || 1), high + part * (high - low || 1)];
  const diamond = (r) => `M0 ${-r}L${r} 0L0 ${r}L${-r} 0Z`;
  const star = (r) => "M" + [...Array(10)].map((_, k) => {
    const at = k % 2 ? 0.45 * r : r, angle = Math.PI * (k / 5 - 0.5);
    return `${(at * Math.cos(angle)).toFixed(2)} ${(at * Math.sin(angle)).toFixed(2)}`;
  }).join("L") + "Z";
  const thousands = (value) => Math.round(value).toLocaleString("en");

  // The parts, each drawn into its section at the width that there is.
  const parts = {
    triangle(section, d) {
      add(section, "h3", {}, d.different ? "Where the compute should go" : "No split stands out");
      add(section, "p", {}, (d.drawn
        ? "Fitted top-1 over all splits; what is pale is excluded as the best one with 95% confidence. "
        : "Trained networks, shaded by mean top-1. No surface is drawn, as it explains nothing. ")
        + "Point at a network for its card, click it for its learning curve.");
      const width = section.clientWidth, side = Math.min(width - 60, 560);
      const x0 = (Math.min(width, 720) - side) / 2, y0 = side * HEIGHT + 28, height = y0 + 34;
      const svg = add(section, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Splits between depth, width and resolution" });
      const at = ([x, y]) => [x0 + side * x, y0 - side * y];
      const surface = add(svg, "g", { transform: `translate(${x0} ${y0}) scale(${side / 1000})` });
      for (const level of d.levels || []) add(surface, "path", { d: level.path, fill: level.fill, "fill-rule": "evenodd" });
      if (d.pale) add(surface, "path", { class: "pale", d: d.pale, "fill-rule": "evenodd" });
      const line = (a, b, name) => {
        const [x1, y1] = at(a), [x2, y2] = at(b);
        add(svg, "line", { class: name, x1, y1, x2, y2 });
      };
      const place = (depth, wide) => [wide + depth / 2, HEIGHT * depth];
      for (let k = 0; k < 5; k++) {
        const s = k / 5, name = k ? "grid" : "axis";
        line(place(s, 0), place(s, 1 - s), name); line(place(0, s), place(1 - s, s), name); line(place(1 - s, 0), place(0, 1 - s), name);
      }
      if (d.region) add(surface, "path", { class: "region", d: d.region });
      const [cx, cy] = at(place(1, 0));
      add(svg, "text", { x: cx, y: cy - 14, "text-anchor": "middle" }, "depth alone");
      add(svg, "text", { x: x0 - 24, y: y0 + 24 }, "resolution alone");
      add(svg, "text", { x: x0 + side + 24, y: y0 + 24, "text-anchor": "end" }, "width alone");
      if (d.paper) add(svg, "path", { class: "ring", d: diamond(10), transform: `translate(${at(d.paper)})` });
      let outside = 0;
      networks.forEach((network, index) => {
        if (!network.at) return;
        if (network.at.some((v) => v < -0.06 || v > 1.06)) { outside += 1; return; }
        const [x, y] = at(network.at);
        point(svg, index, x, y, dot({ r: 5.5, class: network.shade ? "mark" : "mark hollow", fill: network.shade }));
      });
      if (d.different) {
        const [bx, by] = at(d.best);
        const best = add(svg, "g", { transform: `translate(${bx} ${by})`, "pointer-events": "none" });
        add(best, "path", { class: "star", d: star(10) });
      }
      const entries = [
        [`top-1 ${d.low.toFixed(1)}%`, dot({ fill: d.shades[0] })],
        [`${((d.low + d.high) / 2).toFixed(1)}%`, dot({ fill: d.shades[4] })],
        [`${d.high.toFixed(1)}%`, dot({ fill: d.shades[8] })],
      ];
      if (d.paper) entries.push(["the paper's split", path("ring", diamond(6.5))]);
      if (d.different) entries.push([`best split, ${d.bestText}`, path("star", star(8))]);
      if (d.region) entries.push(["edge of the 95% region", dash("region")]);
      legend(section, entries);
      if (outside) add(section, "p", {}, `Not drawn: ${outside} of the networks, one of whose dimensions fell so far that they lie outside.`);
    },

    rates(section, d) {
      add(section, "h3", {}, "Exchange rates by training length");
      add(section, "p", {}, "Points of top-1 for each 10% of the compute that is moved, with 95% intervals. A bar that misses 0 is shown.");
      const all = [...d.lengths, ...(d.later ? [d.later] : [])];
      const values = all.flatMap((l) => l.rates.flatMap((r) => [r.low, r.high, 0]));
      const images = all.map((l) => l.images), low = Math.min(...images), high = Math.max(...images);
      const c = chart(section, {
        height: 300, log: true, x: [low / 1.5, high * 1.5], y: padded(Math.min(...values), Math.max(...values), 0.05),
        xLabel: "training images of each run (log scale)", yLabel: "points for each 10% moved", label: "Exchange rates by training length",
        xTicks: images.map((v) => [v, section.clientWidth < 480 && v >= 1000 ? `${+(v / 1000).toPrecision(3)}k` : thousands(v)]),
      });
      add(c.svg, "line", { class: "zero", x1: c.left, x2: c.right, y1: c.Y(0), y2: c.Y(0) });
      d.lengths[0].rates.forEach((first, k) => {
        const shift = (k - 1) * 9;
        const spots = all.map((l) => [c.X(l.images) + shift, l.rates[k], l === d.later]);
        const known = spots.filter(([, , later]) => !later);
        add(c.svg, "polyline", { class: `front l${k}`, points: known.map(([x, r]) => `${x},${c.Y(r.value)}`).join(" ") });
        for (const [x, r, later] of spots) {
          const node = add(c.svg, "g", { class: "point", tabindex: 0, role: "img", "aria-label": `${r.name}: ${r.text}` });
          add(node, "line", { class: `bar l${k}`, x1: x, x2: x, y1: c.Y(r.low), y2: c.Y(r.high), "stroke-dasharray": later ? "2 3" : null });
          add(node, "circle", { class: `mark c${k}`, cx: x, cy: c.Y(r.value), r: 4.5, "fill-opacity": later ? 0.45 : 1 });
          pointed(node, () => show(node, later ? "extrapolated" : "", [[r.name, r.text]]));
        }
      });
      legend(section, [
        ...d.lengths[0].rates.map((r, k) => [r.name, dot({ class: `c${k}` })]),
        ...(d.later ? [["pale: extrapolated", dot({ class: "c5", "fill-opacity": 0.35 })]] : []),
      ]);
    },

    pareto(section, panels) {
      add(section, "h3", {}, "Accuracy against cost");
      const controls = add(section, "div", { class: "controls" });
      const label = add(controls, "label", {}, "Cost ");
      const select = add(label, "select", { id: "cost" });
      panels.forEach((panel, k) => add(select, "option", { value: k }, panel.title));
      select.value = parts.cost || 0;
      select.addEventListener("change", () => { parts.cost = select.value; draw("pareto"); document.getElementById("cost").focus(); });
      const panel = panels[select.value];
      const costs = panel.points.flatMap((p) => p.cost), tops = panel.points.flatMap((p) => p.top1);
      const c = chart(section, {
        height: 360, x: padded(Math.min(...costs), Math.max(...costs), 0.07), y: padded(Math.min(...tops), Math.max(...tops), 0.07),
        xLabel: panel.label, yLabel: "held-out top-1 (%)", label: "Accuracy against cost",
      });
      const front = panel.points.filter((p) => p.front).sort((a, b) => a.cost[1] - b.cost[1]);
      let steps = "";
      front.forEach((p, k) => { steps += `${k ? "H" : "M"}${c.X(p.cost[1])}${k ? "V" : " "}${c.Y(p.top1[1])}`; });
      if (steps) add(c.svg, "path", { class: "front", d: `${steps}H${c.right}` });
      for (const p of panel.points) {
        const x = c.X(p.cost[1]), y = c.Y(p.top1[1]), line = p.front ? "bar l0" : "bar axis";
        if (p.top1[0] < p.top1[2]) add(c.svg, "line", { class: line, x1: x, x2: x, y1: c.Y(p.top1[0]), y2: c.Y(p.top1[2]) });
        if (p.cost[0] < p.cost[2]) add(c.svg, "line", { class: line, x1: c.X(p.cost[0]), x2: c.X(p.cost[2]), y1: y, y2: y });
      }
      for (const p of panel.points) {
        point(c.svg, p.network, c.X(p.cost[1]), c.Y(p.top1[1]), dot({ r: 5.5, class: `mark ${p.unstable ? "hollow" : p.front ? "c0" : "plain"}` }));
      }
      const entries = [["on the front", dot({ class: "c0" })]];
      if (panel.points.some((p) => !p.front)) entries.push(["beaten by another", dot({ class: "plain" })]);
      if (panel.points.some((p) => p.unstable)) entries.push(["unstable latency", dot({ class: "mark hollow" })]);
      legend(section, entries);
    },

    clicked(section, d) {
      if (chosen === null || networks[chosen].curve.length) parts.curves(section, d, true);
      else add(section, "p", {}, "Of the network that was clicked no curve was kept.");
    },

    curves(section, d, alone) {
      add(section, "h3", {}, alone ? "The clicked network's learning curve" : "Learning curves");
      if (alone && chosen === null) { add(section, "p", {}, "Click a network to see how it learnt."); return; }
      const curved = networks.map((n, k) => [n, k]).filter(([n]) => n.curve.length);
      const named = curved.filter(([n, k]) => n.role && k !== chosen && !alone);
      const picked = curved.filter(([, k]) => k === chosen);
      const all = curved.flatMap(([n]) => n.curve);
      const tops = all.map(([, top1]) => top1), least = Math.min(...tops), top = Math.max(...tops);
      // A chance far below all curves would leave them no room.
      const near = least - d.chance < top - least;
      const most = Math.max(...all.map(([images]) => images));
      const c = chart(section, {
        height: alone ? 240 : 340, x: [0, most * 1.02], y: padded(near ? Math.min(least, d.chance) : least, top, 0.04),
        xLabel: "training images seen", yLabel: "held-out top-1 (%)", label: "Learning curves",
        xTicks: ticks(0, most, section.clientWidth < 480 ? 3 : 7).map(([v]) => [v, thousands(v)]),
      });
      if (near) add(c.svg, "line", { class: "asked", x1: c.left, x2: c.right, y1: c.Y(d.chance), y2: c.Y(d.chance) });
      const curve = (n, name) => {
        const spots = n.curve.map(([images, top1]) => [c.X(images), c.Y(top1)]);
        if (spots.length === 1) add(c.svg, "circle", { cx: spots[0][0], cy: spots[0][1], r: 3, class: "plain" });
        else add(c.svg, "polyline", { class: `curve ${name}`, points: spots.map((s) => s.join(",")).join(" ") });
      };
      for (const [n, k] of curved) if (k !== chosen && (alone || !n.role)) curve(n, "");
      named.forEach(([n], k) => curve(n, `bold l${k % 5}`));
      for (const [n] of picked) curve(n, "bold l5");
      legend(section, [
        ...picked.map(([n]) => [`clicked: ${[n.role, n.name].filter(Boolean).join(", ")}`, dash("bold l5")]),
        ...named.map(([n], k) => [`${n.role}: ${n.name}`, dash(`bold l${k % 5}`)]),
        ...(near ? [[`chance, ${d.chance.toFixed(1)}%`, dash("asked")]] : []),
      ]);
    },

    family(section, d) {
      add(section, "h3", {}, "The family at a budget");
      add(section, "p", {}, `${d.name}: full-size networks as they are built, counted exactly. About twice the compute for each step of phi.`);
      const controls = add(section, "div", { class: "controls" });
      const label = add(controls, "label", {}, "phi ");
      const slider = add(label, "input", { type: "range", id: "phi", min: 0, max: d.rows.length - 1, step: 1 });
      slider.value = parts.phi ?? 4;
      const said = add(controls, "output", { for: "phi" });
      const list = add(section, "dl", { class: "facts" });
      const update = () => {
        parts.phi = slider.value;
        const row = d.rows[slider.value];
        said.textContent = row.phi;
        slider.setAttribute("aria-valuetext", `phi ${row.phi}, ${row.macs} MACs`);
        list.replaceChildren();
        const facts = {
          depth: `x ${row.depth}`, width: `x ${row.width}`, resolution: `x ${row.resolution}`,
          input: `${row.input} px`, blocks: row.blocks, MACs: row.macs, params: row.params,
        };
        for (const [name, text] of Object.entries(facts)) {
          const box = add(list, "div");
          add(box, "dt", {}, name); add(box, "dd", { id: `family-${name}` }, text);
        }
      };
      slider.addEventListener("input", update);
      update();
    },

    rule(section, d) {
      add(section, "h3", {}, "Try other coefficients");
      add(section, "p", {}, "The rule's arithmetic alone: multipliers and the cost ratio that they predict. "
        + "What was counted of real networks stands beside it at this report's own coefficients.");
      const controls = add(section, "div", { class: "controls" });
      const own = { alpha: d.alpha, beta: d.beta, gamma: d.gamma, phi: Math.max(...d.rows.map((r) => r.phi), 1) };
      const now = parts.tried || (parts.tried = { ...own });
      const most = { alpha: 2, beta: 1.5, gamma: 1.5, phi: 8 };
      const inputs = {}, outputs = {};
      for (const name of Object.keys(own)) {
        const label = add(controls, "label", {}, `${name} `);
        inputs[name] = add(label, "input", { type: "range", id: name, min: 1, max: Math.max(most[name], own[name]), step: "any" });
        inputs[name].value = now[name];
        outputs[name] = add(label, "output", { for: name });
      }
      const back = add(controls, "button", { type: "button" }, "This report's own");
      const product = add(section, "p", { id: "product" });
      const scroll = add(section, "div", { class: "scroll", tabindex: 0 });
      const update = () => {
        const same = ["alpha", "beta", "gamma"].every((name) => now[name] === own[name]);
        for (const name of Object.keys(own)) outputs[name].textContent = name === "phi" ? `to ${now.phi}` : +now[name].toFixed(4);
        const base = now.alpha * now.beta ** 2 * now.gamma ** 2;
        product.textContent = `alpha \u00d7 beta\u00b2 \u00d7 gamma\u00b2 = ${base.toFixed(4)}` 
          + (same ? "" : ". Exact costs are known at this report's own coefficients alone; scalesearch scale counts others.");
        scroll.replaceChildren();
        const table = add(scroll, "table", { id: "rule-table" });
        const head = add(add(table, "thead"), "tr");
        const names = ["phi", "depth d", "width w", "resolution r", "predicted ratio", ...(same ? ["built ratio", "MACs", "params", d.parts, "input"] : [])];
        for (const name of names) add(head, "th", { class: "right", scope: "col" }, name);
        const body = add(table, "tbody");
        const whole = [...Array(Math.floor(now.phi) + 1).keys()];
        const phis = [...new Set([...d.rows.map((r) => r.phi).filter((phi) => phi <= now.phi), ...whole])].sort((a, b) => a - b);
        for (const phi of phis) {
          const row = add(body, "tr"), counted = d.rows.find((r) => r.phi === phi);
          const cells = [+phi.toFixed(3), (now.alpha ** phi).toFixed(3), (now.beta ** phi).toFixed(3), (now.gamma ** phi).toFixed(3), (base ** phi).toFixed(2)];
          if (same) cells.push(...(counted ? [counted.ratio, counted.macs, counted.params, counted.blocks, counted.input] : ["", "", "", "", ""]));
          for (const text of cells) add(row, "td", { class: "right" }, text);
        }
      };
      for (const [name, input] of Object.entries(inputs)) {
        input.addEventListener("input", () => {
          now[name] = name === "phi" ? Math.round(input.value) : Math.round(input.value * 100) / 100;
          update();
        });
      }
      back.addEventListener("click", () => { Object.assign(now, own); for (const name of Object.keys(own)) inputs[name].value = own[name]; update(); });
      update();
    },
  };

  function draw(name) {
    const section = document.getElementById(name);
    if (!section || !data[name]) return;
    section.replaceChildren();
    parts[name](section, data[name]);
  }
  const sections = [...document.querySelectorAll(".part")];
  const every = () => sections.forEach((section) => draw(section.id));
  let width = 0, waiting = 0;
  const resized = () => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    every();
  };
  resized();
  addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(resized); });
  addEventListener("beforeprint", () => { for (const closed of document.querySelectorAll("details")) closed.open = true; });
})();
