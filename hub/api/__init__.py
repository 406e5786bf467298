"""HTTP for programs: the API below /api/v1 with its OpenAPI document, and clip bytes from nodes."""
