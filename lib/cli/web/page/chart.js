// Runs in the browser. The server sends the text of its functions: see page.ts.
import { formatNumber } from "../../board/figures.ts";
import { longestPause } from "../../board/pauses.ts";

/**
 * Puts several pasts on one axis of time, for uPlot: null is a gap, undefined
 * no number but no gap either.
 */
export function alignPasts(pasts) {
  const { now, seconds, step } = pasts.find(Boolean);
  const last = Math.floor(now / step) * step;
  const times = [];
  for (let at = last - seconds + step; at <= last; at += step) times.push(at);
  const columns = pasts.map((past) => {
    const known = new Map(past?.points ?? []);
    const pause = longestPause([...known.keys()], step);
    // The time of the next number, for each step.
    const next = times.map(() => Infinity);
    for (let i = times.length - 2; i >= 0; i--) {
      next[i] = known.has(times[i + 1]) ? times[i + 1] : next[i + 1];
    }
    let before; // when the number before was, and what it was
    return times.map((time, i) => {
      const value = known.get(time);
      if (value !== undefined) {
        before = [time, value];
        return value;
      }
      // A state holds until the next one.
      if (past?.isState) return before && Math.round(before[1]);
      return before && next[i] - before[0] > pause ? null : undefined;
    });
  });
  return [times, ...columns];
}

/** The value at a step, or the one before it if there is no gap. */
export function valueAt(column, at) {
  while (at > 0 && column[at] === undefined) at--;
  return column[at];
}

/** The numbers at an axis, all with the decimals that the steps between have. */
export function axisTexts(numbers, step) {
  const decimals = String(step).split(".")[1]?.length ?? 0;
  return numbers.map((it) => formatNumber(it, decimals));
}

/** A large chart with axes. */
export class Chart {
  constructor(element) {
    this.element = element;
    this.isZoomed = false;
    this.onCursor = () => {};
    new ResizeObserver(() => {
      this.plot?.setSize(this.size());
    }).observe(element);
    element.onmouseleave = () => this.onCursor();
    element.onkeydown = (event) => this.move(event);
  }

  size() {
    const width = Math.max(200, this.element.clientWidth);
    return { width, height: Math.max(220, Math.min(420, width * 0.45)) };
  }

  clear() {
    this.plot?.destroy();
    this.plot = undefined;
    this.key = undefined;
  }

  /** Draws the pasts of some values, the limits of the first one as lines. */
  async draw(pasts, { limits, colors }) {
    const has = pasts.some((it) => it?.points.length > 0);
    this.element.hidden = !has;
    document.getElementById("detail-none").hidden = has;
    if (!has) return this.clear();
    if (!this.uplot) {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = "uplot.css";
      document.head.append(link);
      this.uplot = (await import("./uplot.js")).default;
    }
    this.limits = limits;
    const data = alignPasts(pasts);
    const { now, seconds } = pasts.find(Boolean);
    this.range = [now - seconds, now];
    const style = getComputedStyle(document.body);
    const shape = pasts.map((it) =>
      it && [it.topic, it.path, it.unit, it.isState, it.step]
    );
    const key = JSON.stringify([shape, colors, style.color]);
    if (key === this.key && this.plot) {
      this.plot.setData(data, false);
      if (!this.isZoomed) this.fit();
      return;
    }
    this.clear();
    this.key = key;
    this.isZoomed = false;
    this.plot = new this.uplot(
      this.options(pasts, colors, style),
      data,
      this.element,
    );
    this.element.setAttribute(
      "aria-label",
      `Chart of ${pasts.length === 1 ? "1 value" : `${pasts.length} values`}` +
        " over time; the arrow keys move the pointer",
    );
  }

  /** Shows the whole span again. */
  fit() {
    const [min, max] = this.range;
    this.plot.setScale("x", { min, max });
  }

  options(pasts, colors, style) {
    const line = getComputedStyle(this.element).borderTopColor;
    const scaleOf = (past) =>
      past?.isState ? "state" : `unit ${past?.unit ?? ""}`;
    const names = [...new Set(pasts.filter(Boolean).map(scaleOf))];
    const { rangeNum, paths } = this.uplot;
    const scales = { x: { time: true, range: (_, a, b) => this.xRange(a, b) } };
    for (const name of names) {
      scales[name] = {
        range: (_, low, high) => {
          if (name === "state") return [-0.1, 1.1];
          if (low === null) return [0, 1];
          const room = 2 * (high - low || 1);
          for (
            const { limit } of name === scaleOf(pasts[0]) ? this.limits : []
          ) {
            if (limit > high && limit - high <= room) high = limit;
            if (limit < low && low - limit <= room) low = limit;
          }
          return rangeNum(low, high, 0.1, false);
        },
      };
    }
    const axis = {
      stroke: style.color,
      grid: { stroke: line, width: 0.5 },
      ticks: { stroke: line, width: 0.5 },
    };
    return {
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: true, y: false } },
      scales,
      axes: [
        {
          ...axis,
          size: 32,
          space: 70,
          values: (_, times) => times.map((time) => this.timeText(time)),
        },
        // A third unit has no room for an axis.
        ...names.slice(0, 2).map((scale, i) => ({
          ...axis,
          scale,
          side: i === 0 ? 3 : 1,
          grid: { ...axis.grid, show: i === 0 },
          // With room for the longest number, before it is known for some.
          size: (_, texts) =>
            24 + 7 * Math.max(2, ...texts?.map((it) => it.length) ?? []),
          label: scale === "state" ? "" : scale.slice("unit ".length),
          labelSize: 18,
          values: (_plot, numbers, _axis, _space, step) =>
            axisTexts(numbers, step),
          ...scale === "state" && {
            splits: () => [0, 1],
            values: () => ["off", "on"],
          },
        })),
      ],
      series: [
        {},
        ...pasts.map((past, i) => ({
          stroke: colors[i],
          width: 2,
          scale: scaleOf(past),
          ...past?.isState && { paths: paths.stepped({ align: 1 }) },
          points: { size: 4 },
        })),
      ],
      hooks: {
        setCursor: [(plot) => {
          const { idx } = plot.cursor;
          const isAway = idx === null || idx === undefined ||
            plot.cursor.left < 0;
          if (isAway) return this.onCursor();
          const values = plot.data.slice(1).map((it) => valueAt(it, idx));
          this.onCursor(plot.data[0][idx], values);
        }],
        setSelect: [(plot) => this.isZoomed = plot.select.width > 0],
        ready: [(plot) => {
          plot.over.addEventListener("dblclick", () => {
            this.isZoomed = false;
            this.fit();
          });
        }],
        draw: [(plot) => this.drawLimits(plot)],
      },
    };
  }

  xRange(low, high) {
    return this.isZoomed && low !== null ? [low, high] : this.range;
  }

  timeText(time) {
    const [from, to] = this.range;
    const text = new Date(time * 1000).toTimeString();
    return text.slice(0, to - from > 300 ? 5 : 8);
  }

  /** The limits of alarms, as dashed lines. */
  drawLimits({ ctx, bbox, axes, scales, valToPos }) {
    const { scale } = axes[1];
    const { color } = getComputedStyle(document.getElementById("detail-limit"));
    const { backgroundColor } = getComputedStyle(this.element);
    let isDrawn = false;
    for (const { limit, rule } of this.limits) {
      const { min, max } = scales[scale];
      if (scale === "state" || limit < min || limit > max) continue;
      isDrawn = true;
      const y = valToPos(limit, scale, true);
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = color;
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.textAlign = "left";
      ctx.textBaseline = y - bbox.top > 20 * devicePixelRatio
        ? "bottom"
        : "top";
      // A line that runs behind the text must not make it illegible.
      ctx.setLineDash([]);
      ctx.strokeStyle = backgroundColor;
      ctx.lineWidth = 4 * devicePixelRatio;
      ctx.lineJoin = "round";
      ctx.strokeText(rule, bbox.left + 4, y, bbox.width - 8);
      ctx.fillText(rule, bbox.left + 4, y, bbox.width - 8);
      ctx.restore();
    }
    document.getElementById("detail-limit").hidden = !isDrawn;
  }

  /** The arrow keys move the pointer. */
  move(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || !this.plot) return;
    event.preventDefault();
    const [times] = this.plot.data;
    const { idx, left } = this.plot.cursor;
    const from = left < 0 || idx === null ? times.length - 1 - by : idx;
    const at = Math.min(times.length - 1, Math.max(0, from + by));
    const x = this.plot.valToPos(times[at], "x");
    this.plot.setCursor({ left: x, top: 10 });
  }
}
