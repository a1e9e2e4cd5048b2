import * as z from "zod";

export const directoryVariables = {
  DIRECTORY_TABLE: z.string().describe("DynamoDB table of the directory of people"),
};
