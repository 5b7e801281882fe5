"""AWS CodeWhisperer, Amazon Q Developer and Kiro: `GenerateAssistantResponse` as a dialect."""
