// Time series with uPlot, from the JSON beside the figure. Time runs left to right in every language; the values stand on the
// reader's own side, and canvas labels are isolated so that "24 Oct" keeps its order on an Arabic page.
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isRtl = () => document.dir === "rtl";
const keep = (text) => (isRtl() ? `\u2067${text}\u2069` : text);
let loading = null;

function load(figure) {
  loading ??= new Promise((resolve, reject) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = figure.dataset.css;
    const script = document.createElement("script");
    script.src = figure.dataset.src;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(sheet, script);
  });
  return loading;
}

function tint(colour, strength) {
  return `${colour}${Math.round(strength * 255).toString(16).padStart(2, "0")}`;
}

function options(figure, data, width) {
  const locale = figure.dataset.locale;
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
  const axis = { stroke: css("--chart-ink"), font: `12px ${css("--app-font") || "sans-serif"}`, ticks: { show: false }, border: { show: false } };
  const kind = figure.dataset.chart;
  const paths = kind === "bars" ? window.uPlot.paths.bars({ size: [0.6, 48], radius: 0.2 }) : undefined;
  return {
    width, height: Number(figure.dataset.height), legend: { show: data.series.length > 1 }, cursor: { points: { size: 7 }, y: false, drag: { x: false } },
    scales: { x: { time: true }, y: { range: (_plot, low, high) => { const room = (high - low || Math.abs(high) || 1) * 0.08; return [kind === "bars" ? Math.min(0, low) : low - room, high + room]; } } },
    axes: [
      { ...axis, grid: { show: false }, values: (_plot, marks) => marks.map((mark) => keep(day.format(mark * 1000))), space: 72 },
      { ...axis, side: isRtl() ? 1 : 3, grid: { stroke: css("--chart-grid"), width: 1 }, values: (_plot, marks) => marks.map((mark) => compact.format(mark)), size: 56 },
    ],
    series: [{}, ...data.series.map((line, index) => {
      const colour = css(`--chart-${(index % 6) + 1}`);
      return { label: line.label, stroke: colour, width: 2, paths, points: { show: false }, fill: kind === "line" ? undefined : tint(colour, kind === "bars" ? 0.8 : 0.12) };
    })],
  };
}

function tip(figure, plot, data) {
  const box = document.createElement("div");
  box.className = "x-chart-tip";
  box.hidden = true;
  box.dir = document.dir;
  plot.over.append(box);
  const number = new Intl.NumberFormat(figure.dataset.locale, { maximumFractionDigits: 2 });
  const day = new Intl.DateTimeFormat(figure.dataset.locale, { dateStyle: "medium", timeZone: "UTC" });
  plot.over.addEventListener("pointerleave", () => { box.hidden = true; });
  plot.over.addEventListener("pointermove", () => {
    const at = plot.cursor.idx;
    if (at == null) return;
    const head = document.createElement("b");
    head.textContent = day.format(data.x[at] * 1000);
    const rows = data.series.map((line) => {
      const row = document.createElement("div");
      row.append(data.series.length > 1 ? `${line.label} ` : "");
      const value = document.createElement("bdi");
      value.dir = "ltr";
      value.textContent = `${number.format(line.values[at])}${figure.dataset.currency ? `\u00a0${figure.dataset.currency}` : ""}`;
      row.append(value);
      return row;
    });
    box.replaceChildren(head, ...rows);
    box.hidden = false;
    const x = plot.cursor.left;
    box.style.insetBlockStart = "8px";
    box.style.left = x > plot.over.clientWidth / 2 ? "" : `${x + 12}px`;
    box.style.right = x > plot.over.clientWidth / 2 ? `${plot.over.clientWidth - x + 12}px` : "";
  });
}

export async function draw(figure) {
  await load(figure);
  const area = figure.querySelector(".x-chart-area");
  const data = JSON.parse(figure.querySelector("script").textContent);
  const paint = () => {
    area.replaceChildren();
    const plot = new window.uPlot(options(figure, data, area.clientWidth), [data.x, ...data.series.map((line) => line.values)], area);
    tip(figure, plot, data);
    return plot;
  };
  let plot = paint();
  new ResizeObserver(() => { if (area.clientWidth) plot.setSize({ width: area.clientWidth, height: Number(figure.dataset.height) }); }).observe(area);
  document.addEventListener("theme", () => { plot.destroy(); plot = paint(); });
}
