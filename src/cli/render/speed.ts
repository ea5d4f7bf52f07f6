import type { EstablishForecast } from '../../job/establish-forecast.ts';

const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** How fast the array was, and what is expected of it. */
export function speedText(forecast: EstablishForecast | undefined): string {
  if (!forecast) return 'its speed was never measured';
  const { measured, fastestMs, slowestMs, gaveUp, expectedMs } = forecast;
  const slowest = `${seconds(slowestMs)} s${gaveUp ? ', which was given up' : ''}`;
  return `took ${seconds(fastestMs)} to ${slowest} for ${measured} snapshot(s): ${seconds(expectedMs)} s are expected`;
}
