import { useEffect, useRef } from "react";
import uPlot from "uplot";

/** The last minute and a half as a line. The figure beside it says the same in numbers, so it is hidden from readers. */
export function Sparkline({ times, values, colour }: { times: number[]; values: number[]; colour: string }) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);

  useEffect(() => {
    const element = frame.current!;
    const stroke = () => getComputedStyle(element).getPropertyValue(colour).trim();
    const made = new uPlot({
      width: Math.max(40, element.clientWidth),
      height: 40,
      cursor: { show: false },
      legend: { show: false },
      axes: [{ show: false }, { show: false }],
      padding: [3, 0, 2, 0],
      scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most) * 1.05] } },
      series: [{}, { stroke, fill: () => `${stroke()}26`, width: 1.5, points: { show: false } }],
    }, [[], []], element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: Math.max(40, element.clientWidth), height: 40 }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [colour]);

  useEffect(() => {
    plot.current?.setData([times, values]);
  }, [times, values]);

  return <div className="sparkline" ref={frame} aria-hidden="true" />;
}
