import'./chat-I4RMRKXL.js';
