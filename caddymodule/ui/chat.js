import'./chat-AQW76DBC.js';import'./chunk-5QP4RCWW.js';
