const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const two = (value: number): string => String(value).padStart(2, '0');
const timeOf = (date: Date): string =>
  [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
const dayOf = (date: Date): string =>
  `${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;

/** `Jan-30-2020 13:59:02.211`, in job fields. */
export const jobDate = (date: Date): string =>
  `${MONTHS[date.getUTCMonth()]}-${two(date.getUTCDate())}-${date.getUTCFullYear()} ${timeOf(date)}.${String(date.getUTCMilliseconds()).padStart(3, '0')}`;

/** `Thu 30 Jan 2020 13:59:02 GMT`, in job results. */
export const jobResultDate = (date: Date): string => `${DAYS[date.getUTCDay()]} ${dayOf(date)} ${timeOf(date)} GMT`;

/** `16:05:06 Tue, 19 Nov 2019 GMT +0000`, in snapshots. */
export const snapshotDate = (date: Date): string =>
  `${timeOf(date)} ${DAYS[date.getUTCDay()]}, ${dayOf(date)} GMT +0000`;
