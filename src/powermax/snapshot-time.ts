const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const PATTERN =
  /^(\d{1,2}):(\d{2}):(\d{2}) [A-Za-z]{3}, (\d{1,2}) ([A-Za-z]{3}) (\d{4})(?: [A-Za-z]+)? ([+-])(\d{2}):?(\d{2})$/;

/**
 * The time of a snapshot as Unisphere writes it, `16:05:06 Tue, 19 Nov 2019 GMT +0000`, in milliseconds since 1970.
 * Undefined for any other text: a time that is guessed proves nothing.
 */
export function snapshotTimeMs(text: string | undefined): number | undefined {
  const found = PATTERN.exec(text?.trim() ?? '');
  if (!found) return undefined;
  const [, hours, minutes, seconds, day, monthName = '', year, sign, offsetHours, offsetMinutes] = found;
  const month = MONTHS.indexOf(monthName.toLowerCase());
  if (month < 0) return undefined;
  const local = Date.UTC(Number(year), month, Number(day), Number(hours), Number(minutes), Number(seconds));
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  return sign === '-' ? local + offsetMs : local - offsetMs;
}
