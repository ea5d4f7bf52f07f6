export type ReportFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What happens, as events with static text and fields. Never called inside the freeze window. */
export interface Reporter {
  info(message: string, fields?: ReportFields): void;
  warn(message: string, fields?: ReportFields): void;
  progress(message: string, fields?: ReportFields): void;
}
