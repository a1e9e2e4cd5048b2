/** What is used of serverless-offline 14, which has no types of its own. */
declare module "serverless-offline/lambda" {
  /** One execution environment. */
  export type LambdaFunction = {
    setEvent(event: object): void;
    /** Rejects as the handler does, or when its time is over; then its worker thread has ended. */
    runHandler(): Promise<unknown>;
    /** Ends its worker thread; the next run begins another. */
    cleanup(): Promise<void>;
  };

  export default class Lambda {
    constructor(serverless: object, options: object);
    create(functions: { functionKey: string; functionDefinition: object }[]): void;
    /** One that is idle until runHandler is called, in the same tick. */
    get(functionKey: string): LambdaFunction;
    cleanup(): Promise<void>;
  }
}
